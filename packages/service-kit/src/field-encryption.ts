import { createCipheriv, createDecipheriv, createHash, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { parseKeyRing } from './key-ring.ts'

/** Opaque: a key shows itself neither in logs nor in JSON. */
export type FieldKey = { kid: string; key: KeyObject }

/**
 * Keeps a text in a database column so that only who has the keys can read it. A stored text is
 * `enc1:<key id>:<base64url of nonce, sealed context and text, tag>`.
 * `context` says where the value belongs (`table.column:row`): moved to another place it does not open.
 */
export type FieldCipher = {
  /** @throws TypeError for a text with half a surrogate pair, which UTF-8 cannot hold */
  encrypt(text: string, context: string): string
  /** @throws FieldEncryptionError */
  decrypt(stored: string, context: string): string
  /** Encrypts anew what an older key wrote; anything else stays the same text. @throws FieldEncryptionError */
  rotate(stored: string, context: string): string
}

export type FieldProblem = 'malformed' | 'unknown_key' | 'changed' | 'misplaced'

export class FieldEncryptionError extends Error {
  override name = 'FieldEncryptionError'
  readonly problem: FieldProblem

  constructor(problem: FieldProblem, message: string) {
    super(message)
    this.problem = problem
  }
}

const ALGORITHM = 'aes-256-gcm'
const FORMAT = 'enc1'
const STORED = /^enc1:([\w-]+):([\w-]+)$/
const NONCE_BYTES = 12
const TAG_BYTES = 16
const DIGEST_BYTES = 32

/** The first key encrypts, all of them decrypt. Nonces are random: a key is good for 2^32 texts. */
export function createFieldCipher(keys: FieldKey[]): FieldCipher {
  const [current] = keys
  if (!current) throw new Error('FIELD_ENCRYPTION_KEYS holds no key')
  const byId = new Map(keys.map(({ kid, key }) => [kid, key]))

  const encrypt: FieldCipher['encrypt'] = (text, context) => {
    if (!text.isWellFormed()) throw new TypeError('A text with half a surrogate pair cannot be encrypted')
    const head = `${FORMAT}:${current.kid}:`
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv(ALGORITHM, current.key, nonce).setAAD(Buffer.from(head))
    const sealed = [cipher.update(digestOf(context)), cipher.update(text, 'utf8'), cipher.final()]
    return head + Buffer.concat([nonce, ...sealed, cipher.getAuthTag()]).toString('base64url')
  }

  const decrypt: FieldCipher['decrypt'] = (stored, context) => {
    const { kid, bytes } = parseStored(stored)
    const key = byId.get(kid)
    if (!key)
      throw new FieldEncryptionError('unknown_key', `A field was encrypted with the key '${kid}', not known here`)
    const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
    decipher.setAAD(Buffer.from(`${FORMAT}:${kid}:`)).setAuthTag(bytes.subarray(-TAG_BYTES))
    const opened = open(() =>
      Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]),
    )
    // Sealed with the text instead of given as additional data, so that a misplaced value can be told from a changed one.
    if (!opened.subarray(0, DIGEST_BYTES).equals(digestOf(context)))
      throw new FieldEncryptionError('misplaced', 'An encrypted field belongs to another place than it was read from')
    return opened.toString('utf8', DIGEST_BYTES)
  }

  return {
    encrypt,
    decrypt,
    rotate: (stored, context) =>
      parseStored(stored).kid === current.kid ? stored : encrypt(decrypt(stored, context), context),
  }
}

const digestOf = (context: string) => createHash('sha256').update(context).digest()

function parseStored(stored: string): { kid: string; bytes: Buffer } {
  const [, kid, encoded] = STORED.exec(stored) ?? []
  const bytes = Buffer.from(encoded ?? '', 'base64url')
  if (!kid || bytes.length < NONCE_BYTES + DIGEST_BYTES + TAG_BYTES)
    throw new FieldEncryptionError('malformed', `A stored field is not of the form ${FORMAT}:<key id>:<base64url>`)
  return { kid, bytes }
}

function open(decipher: () => Buffer): Buffer {
  try {
    return decipher()
  } catch {
    throw new FieldEncryptionError('changed', 'An encrypted field was changed, or its key id now names another key')
  }
}

/** Reads `FIELD_ENCRYPTION_KEYS`: `kid:key[,kid:key…]`, keys base64url of 32 bytes. @throws Error naming the bad entry */
export const parseFieldKeys = (text: string): FieldKey[] =>
  parseKeyRing(text, { orMore: false }).map(({ kid, secret }) => ({ kid, key: createSecretKey(secret) }))

import { createHash, createHmac, hkdfSync } from 'node:crypto'
import { hashOfKey } from '@jan/service-kit/api-keys'
import type { FieldKey } from '@jan/service-kit/field-encryption'

/** A whole key, and what is kept of it. */
export type KeySecret = { key: string; prefix: string; suffix: string; hash: string }

/**
 * Makes a key from an id of `who.newId`: random for a request without Idempotency-Key. With one, every try makes the same
 * key, so that the one whose answer reaches the client is the one that is stored. Nobody can do so without our field
 * keys, and nobody at all once the Idempotency-Key is forgotten.
 */
export type MakeSecret = (origin: string) => KeySecret

const DIGITS = 48
const SUFFIX = 4

export function createSecretMaker(prefix: string, [current]: FieldKey[]): MakeSecret {
  if (!current) throw new Error('FIELD_ENCRYPTION_KEYS holds no key')
  const pepper = Buffer.from(hkdfSync('sha256', current.key, '', 'api key', 32))
  return (origin) => {
    const digits = createHmac('sha256', pepper).update(origin).digest('hex').slice(0, DIGITS)
    const key = `${prefix}_${digits}`
    return { key, prefix, suffix: digits.slice(-SUFFIX), hash: hashOfKey(key) }
  }
}

/** A UUID (version 8, RFC 9562) of an id of ours. */
export function uuidOf(id: string): string {
  const digits = createHash('sha256').update(id).digest('hex')
  const variant = ((Number.parseInt(digits[16]!, 16) & 3) | 8).toString(16)
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `8${digits.slice(13, 16)}`,
    `${variant}${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ].join('-')
}

import { createHash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { HttpError } from './http-error.ts'

const KEY_LENGTH = 32
const BLOCK_SIZE = 8

const derive = (password: string, salt: Buffer, cost: number) =>
  new Promise<Buffer>((resolve, reject) => {
    const options: ScryptOptions = { N: cost, r: BLOCK_SIZE, maxmem: 256 * cost * BLOCK_SIZE }
    scrypt(password.normalize('NFKC'), salt, KEY_LENGTH, options, (error, key) =>
      error ? reject(error) : resolve(key),
    )
  })

/** @param cost scrypt's N, a power of two; kept with the hash, so that it can be raised for new passwords */
export async function hashPassword(password: string, cost: number): Promise<string> {
  const salt = randomBytes(16)
  return ['scrypt', cost, salt.toString('base64url'), (await derive(password, salt, cost)).toString('base64url')].join(
    '$',
  )
}

export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const [, cost, salt, hash] = stored.split('$')
  if (!cost || !salt || !hash) throw new Error('A stored password hash is damaged')
  return timingSafeEqual(
    await derive(password, Buffer.from(salt, 'base64url'), Number(cost)),
    Buffer.from(hash, 'base64url'),
  )
}

/**
 * Checks a new password against the realm's policy.
 * @throws HttpError 400 with Keycloak's message key and text, for the first rule that is broken
 */
export function requireGoodPassword(
  policy: string[],
  password: string,
  user: { username: string; email?: string | undefined },
): void {
  const refuse = (key: string, reason: string) =>
    new HttpError(400, { error: `invalidPassword${key}Message`, error_description: `Invalid password: ${reason}.` })
  for (const rule of policy) {
    const minimum = Number(/^length\((\d+)\)$/.exec(rule)?.[1] ?? 0)
    if (password.length < minimum) throw refuse('MinLength', `minimum length ${minimum}`)
    const lower = password.toLowerCase()
    if (rule === 'notUsername' && lower === user.username)
      throw refuse('NotUsername', 'must not be equal to the username')
    if (rule === 'notEmail' && lower === user.email) throw refuse('NotEmail', 'must not be equal to the email')
  }
}

/** Compares without telling by its time how much is right. */
export function sameText(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}

import { createHash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { HttpError } from './http-error.ts'
import type { User } from './users.store.ts'

const BLOCK_SIZE = 8
const scrypted = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)
const derive = (password: string, salt: Buffer, cost: number) =>
  scrypted(password.normalize('NFKC'), salt, 32, { N: cost, r: BLOCK_SIZE, maxmem: 256 * cost * BLOCK_SIZE })

/** @param cost scrypt's N, a power of two; kept with the hash, so that it can be raised for new passwords */
export async function hashPassword(password: string, cost: number): Promise<string> {
  const salt = randomBytes(16)
  const hash = await derive(password, salt, cost)
  return ['scrypt', cost, salt.toString('base64url'), hash.toString('base64url')].join('$')
}

export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const [, cost, salt = '', hash = ''] = stored.split('$')
  const derived = await derive(password, Buffer.from(salt, 'base64url'), Number(cost))
  return timingSafeEqual(derived, Buffer.from(hash, 'base64url'))
}

/**
 * Checks a new password against the realm's policy.
 * @throws HttpError 400 with Keycloak's message key and text, for the first rule that is broken
 */
export function requireGoodPassword(policy: string[], password: string, { username, email }: User): void {
  const refuse = (key: string, reason: string) =>
    new HttpError(400, { error: `invalidPassword${key}Message`, error_description: `Invalid password: ${reason}.` })
  const lower = password.toLowerCase()
  for (const rule of policy) {
    const minimum = Number(/\d+/.exec(rule)?.[0] ?? 0)
    if (password.length < minimum) throw refuse('MinLength', `minimum length ${minimum}`)
    if (rule === 'notUsername' && lower === username) throw refuse('NotUsername', 'must not be equal to the username')
    if (rule === 'notEmail' && lower === email) throw refuse('NotEmail', 'must not be equal to the email')
  }
}

/** Compares without telling by its time how much is right. */
export function sameText(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}

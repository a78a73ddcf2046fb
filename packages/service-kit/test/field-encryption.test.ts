import { describe, expect, test } from '@jest/globals'
import { readConfig } from '../src/config.ts'
import { fieldKeysConfig } from '../src/config-blocks.ts'
import { createFieldCipher, FieldEncryptionError, type FieldProblem, parseFieldKeys } from '../src/field-encryption.ts'

const encoded = (fill: number, bytes = 32) => Buffer.alloc(bytes, fill).toString('base64url')
const OLD = `2025:${encoded(1)}`
const NEW = `2026:${encoded(2)}`
const cipherOf = (ring: string) => createFieldCipher(parseFieldKeys(ring))
const PLACE = 'note.text:1'

function problemOf(act: () => unknown): FieldProblem {
  try {
    act()
  } catch (error) {
    expect(error).toBeInstanceOf(FieldEncryptionError)
    expect((error as Error).message).not.toMatch(new RegExp(`hush|${encoded(1)}|${encoded(2)}`))
    return (error as FieldEncryptionError).problem
  }
  throw new Error('it opened')
}

test.each(['hush', '', 'Grüße 🌍\u0000\n', 'x'.repeat(100_000)])('what was encrypted is read again [T-24]', (text) => {
  const cipher = cipherOf(NEW)
  const stored = cipher.encrypt(text, PLACE)
  expect(stored).toMatch(/^enc1:2026:[\w-]+$/)
  expect(cipher.decrypt(stored, PLACE)).toBe(text)
  expect(cipher.encrypt(text, PLACE)).not.toBe(stored)
})

test('a text that UTF-8 cannot hold is refused instead of changed', () => {
  expect(() => cipherOf(NEW).encrypt('\ud800', PLACE)).toThrow(TypeError)
})

describe('a stored text that', () => {
  const cipher = cipherOf(NEW)
  const stored = cipher.encrypt('hush', PLACE)
  const [, , body] = stored.split(':') as [string, string, string]

  test('was changed in any byte is refused [T-24]', () => {
    const bytes = Buffer.from(body, 'base64url')
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at]! ^= 1
      expect(problemOf(() => cipher.decrypt(`enc1:2026:${changed.toString('base64url')}`, PLACE))).toBe('changed')
    }
  })

  test('stands in another place than it was made for is refused [T-24]', () => {
    expect(problemOf(() => cipher.decrypt(stored, 'note.text:2'))).toBe('misplaced')
  })

  test('names a key that is not there, or the wrong one, is refused [T-24]', () => {
    expect(problemOf(() => cipherOf(OLD).decrypt(stored, PLACE))).toBe('unknown_key')
    expect(() => cipherOf(OLD).decrypt(stored, PLACE)).toThrow(/'2026'/)
    expect(problemOf(() => cipherOf(`2026:${encoded(9)}`).decrypt(stored, PLACE))).toBe('changed')
    expect(problemOf(() => cipherOf(`${NEW},${OLD}`).decrypt(`enc1:2025:${body}`, PLACE))).toBe('changed')
  })

  test.each(['', 'hush', 'enc1:2026', 'enc1:2026:AAAA', `enc2:2026:${body}`, `${stored} `, `${stored}==`])(
    'is none of ours is refused: %s [T-24]',
    (text) => expect(problemOf(() => cipher.decrypt(text, PLACE))).toBe('malformed'),
  )
})

test('keys rotate: the first encrypts, all read, and what an older one wrote is encrypted anew once [T-25]', () => {
  const old = cipherOf(OLD).encrypt('hush', PLACE)
  const cipher = cipherOf(`${NEW},${OLD}`)
  expect(cipher.decrypt(old, PLACE)).toBe('hush')
  const rotated = cipher.rotate(old, PLACE)
  expect(rotated).toMatch(/^enc1:2026:/)
  expect(cipher.rotate(rotated, PLACE)).toBe(rotated)
  expect(cipherOf(NEW).decrypt(rotated, PLACE)).toBe('hush')
  expect(problemOf(() => cipher.rotate(old, 'note.text:2'))).toBe('misplaced')
})

test.each([
  ['k', /entry 1 is not kid:secret/],
  [`${NEW},`, /entry 2 is not kid:secret/],
  [`k:${Buffer.alloc(32, 255).toString('base64')}`, /entry 1 is not kid:secret in letters, digits, - and _/],
  [`k:${encoded(1, 31)}`, /the secret of entry 1 has 31 bytes, not 32/],
  [`${NEW},k:${encoded(1, 33)}`, /the secret of entry 2 has 33 bytes, not 32/],
  [`${NEW},2026:${encoded(3)}`, /entry 2 has the key id of an entry before it/],
  ['', /FIELD_ENCRYPTION_KEYS/],
])('a bad key ring is a problem in words, without its keys: %s', (ring, words) => {
  const read = () => readConfig({ keys: fieldKeysConfig }, { FIELD_ENCRYPTION_KEYS: ring })
  expect(read).toThrow(words)
  expect(read).not.toThrow(new RegExp(encoded(2)))
})

test('a key ring in a configuration does not show itself', () => {
  const config = readConfig({ keys: fieldKeysConfig }, { FIELD_ENCRYPTION_KEYS: `${NEW}, ${OLD}` })
  expect(config.keys.map(({ kid }) => kid)).toEqual(['2026', '2025'])
  expect(JSON.stringify(config)).not.toContain(encoded(2))
  expect(() => createFieldCipher([])).toThrow('FIELD_ENCRYPTION_KEYS holds no key')
})

import { createFieldCipher, parseFieldKeys } from '@jan/service-kit/field-encryption'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Booted, bootLlmApi, call, FIELD_KEYS } from './boot.ts'

let service: Booted
beforeAll(async () => {
  service = await bootLlmApi()
})
afterAll(() => service.close())

const cipher = createFieldCipher(parseFieldKeys(FIELD_KEYS))
const login = { verifier: 'v'.repeat(43), redirectUrl: 'http://localhost:3000/auth/callback' }
/** A state as this server seals it, but for what is changed. */
const sealed = (change: object, place = 'login state') =>
  Buffer.from(cipher.encrypt(JSON.stringify({ ...login, expiresAt: Date.now() + 60_000, ...change }), place)).toString(
    'base64url',
  )
const finish = (state: string) => call(service, 'GET', `/auth/callback?code=x&state=${state}`)

test('a state that has expired is 401, and one that has not goes on to the provider [I-027 I-061]', async () => {
  const expired = await finish(sealed({ expiresAt: Date.now() - 1 }))
  expect([expired.status, expired.json.error]).toEqual([401, expect.stringContaining('state')])
  // The provider is away here.
  expect((await finish(sealed({}))).status).toBe(503)
})

test('what we sealed for another purpose is no state [I-061 I-075]', async () => {
  expect((await finish(sealed({}, 'api_key.hash:1'))).status).toBe(401)
})

test('of a state used many times at once one goes on [I-027 I-061]', async () => {
  const state = sealed({ verifier: 'w'.repeat(43) })
  const answers = await Promise.all(Array.from({ length: 10 }, () => finish(state)))
  expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array(9).fill(401), 503])
})

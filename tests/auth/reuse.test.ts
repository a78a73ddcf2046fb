import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openBrowser } from './browser.ts'
import { PASSWORD, peopleOf, type User } from './people.ts'
import { type Json, openWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
}, 60_000)
afterAll(() => world?.close())

const { refresh, newUser, newSession, atTokenEndpoint } = peopleOf(() => world)
const CALLBACK = 'http://localhost:8000/auth/callback'
const startLogin = async (): Promise<{ authorization_url: string; state: string }> =>
  (await world.call('GET', '/auth/login')).json
const callback = (query: Record<string, string>) => world.call('GET', `/auth/callback?${new URLSearchParams(query)}`)
const isOver = async ({ access_token: token }: Json) =>
  (await world.call('POST', '/auth/validate', { token })).status === 401

/** The query with which a user's browser comes back from a page of the provider. */
async function signIn(page: string, user: User): Promise<Record<string, string>> {
  const { location } = await openBrowser().signIn(page, user.email, PASSWORD)
  return Object.fromEntries(new URL(location!).searchParams)
}

/** A code for a verifier of ours, asked for at the provider itself. */
async function codeFor(user: User, verifier: string): Promise<string> {
  const query = new URLSearchParams({
    client_id: 'jan-client',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    redirect_uri: CALLBACK,
    response_type: 'code',
    scope: 'openid profile email',
    state: 'x',
  })
  return (await signIn(`${world.realm}/protocol/openid-connect/auth?${query}`, user)).code!
}
const exchange = (code: string, verifier: string, redirect_uri = CALLBACK) =>
  atTokenEndpoint({ grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri })
const newVerifier = () => randomBytes(32).toString('base64url')

test('a state is good once, however it is spelled the second time [I-027 I-061 I-075]', async () => {
  const { state } = await startLogin()
  expect((await callback({ code: 'made-up', state })).status).toBe(400)
  const last = state.at(-1)!
  const spellings = [
    state,
    `${state}=`,
    `${state}.`,
    ` ${state}`,
    `${state.slice(0, 8)} ${state.slice(8)}`,
    `${state.slice(0, -1)}${String.fromCharCode(last.charCodeAt(0) + 1)}`,
  ]
  for (const spelled of spellings) {
    const { status, json } = await callback({ code: 'made-up', state: spelled })
    expect([spelled, status, json.error]).toEqual([spelled, 401, expect.stringContaining('state')])
  }
})

test('a forged, cut or foreign state is 401, spends nothing, and ends nobody’s session [I-061]', async () => {
  const user = await newUser()
  const login = await startLogin()
  const { code = '', ...rest } = await signIn(login.authorization_url, user)
  const plain = JSON.stringify({ verifier: 'x', redirectUrl: 'https://evil.test/', expiresAt: 9e15 })
  const forgeries = [
    'x',
    login.state.slice(0, -4),
    login.state.slice(4),
    `${login.state}AAAA`,
    Buffer.from(plain).toString('base64url'),
    Buffer.from(`enc1:t:${Buffer.from(plain).toString('base64url')}`).toString('base64url'),
    'A'.repeat(6_000),
  ]
  for (const state of forgeries) expect((await callback({ code, state })).status).toBe(401)
  const ended = await callback({ ...rest, code })
  expect([ended.status, ended.headers.get('location')]).toEqual([302, expect.stringContaining('#access_token=')])
  expect((await refresh(user.refreshToken)).status).toBe(200)
})

test('a redirect named in the callback does not count [I-028 I-061]', async () => {
  const query = await signIn((await startLogin()).authorization_url, await newUser())
  const ended = await callback({ ...query, redirect_url: 'https://evil.test/', redirect_uri: 'https://evil.test/' })
  expect(ended.headers.get('location')).toMatch(/^http:\/\/localhost:3000\/auth\/callback#/)
})

test.each<[string, (code: string, verifier: string) => Promise<{ status: number; json: Json }>]>([
  ['another verifier', (code) => exchange(code, newVerifier())],
  ['another redirect', (code, verifier) => exchange(code, verifier, 'http://localhost:3000/auth/callback')],
  ['no verifier', (code) => atTokenEndpoint({ grant_type: 'authorization_code', code, redirect_uri: CALLBACK })],
])('a code with %s is refused and spent; the person’s sessions go on [I-061]', async (_what, attempt) => {
  const user = await newUser()
  const verifier = newVerifier()
  const code = await codeFor(user, verifier)
  expect(await attempt(code, verifier)).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
  expect(await exchange(code, verifier)).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
  expect((await refresh(user.refreshToken)).status).toBe(200)
})

test('a code used twice ends the session it began, and no other of the person [I-061]', async () => {
  const user = await newUser()
  const verifier = newVerifier()
  const code = await codeFor(user, verifier)
  const first = await exchange(code, verifier)
  expect([first.status, await isOver(first.json)]).toEqual([200, false])
  expect((await exchange(code, verifier)).status).toBe(400)
  expect([(await refresh(first.json.refresh_token)).status, await isOver(first.json)]).toEqual([401, true])
  expect((await refresh(user.refreshToken)).status).toBe(200)
})

test('a refresh token used more often than tolerated ends its session, and no other of the person [I-061]', async () => {
  const user = await newUser()
  const stolen = await newSession(user)
  const use = () => atTokenEndpoint({ grant_type: 'refresh_token', refresh_token: stolen.refresh_token })
  const [first, second] = [await use(), await use()]
  expect([first.status, second.status]).toEqual([200, 200])
  expect((await refresh(stolen.refresh_token)).status).toBe(401)
  for (const { json } of [first, second])
    expect([(await refresh(json.refresh_token)).status, await isOver(json)]).toEqual([401, true])
  expect((await refresh(user.refreshToken)).status).toBe(200)
})

test('a made-up, foreign or altered refresh token ends nothing [I-061]', async () => {
  const user = await newUser()
  const tokens = ['made-up', `${user.refreshToken}x`, user.refreshToken.slice(0, -2), (await startLogin()).state]
  for (const token of tokens) {
    expect((await refresh(token)).status).toBe(401)
    expect((await world.call('POST', '/auth/logout', { json: { refresh_token: token } })).status).toBe(200)
    expect((await world.call('POST', '/auth/revoke', { json: { refresh_token: token } })).status).toBe(200)
  }
  expect((await refresh(user.refreshToken)).status).toBe(200)
})

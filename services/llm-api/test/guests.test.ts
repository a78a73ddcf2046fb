import { createTokenIssuer, type TokenIssuer } from '@jan/testkit/tokens'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { type Booted, bootLlmApi, call } from './boot.ts'
import { type FakeIdentity, startFakeIdentity } from './fake-identity.ts'
import { sendJson } from './fake-provider.ts'

let issuer: TokenIssuer
let identity: FakeIdentity
let service: Booted

beforeAll(async () => {
  issuer = await createTokenIssuer()
  identity = await startFakeIdentity(issuer)
  service = await bootLlmApi({ KEYCLOAK_BASE_URL: `${identity.url}/` }, issuer)
})
beforeEach(() => {
  identity.intercept = undefined
  identity.users.clear()
})
afterAll(async () => {
  await service.close()
  await identity.close()
})

const become = (path = '/auth/guest-login', body?: string) =>
  call(service, 'POST', path, body === undefined ? {} : { body })

test.each([
  ['/auth/guest-login', undefined],
  ['/auth/guest', '{}'],
  ['/auth/guest', '{not json'],
  ['/auth/guest-login', 'x'.repeat(1024)],
])('%s makes a guest whatever the body [H-15]', async (path, body) => {
  const { status, json, headers } = await become(path, body)
  expect(status).toBe(201)
  expect(headers.get('cache-control')).toBe('no-store')
  const [user] = identity.users.values()
  expect(json).toEqual({
    user_id: user!.id,
    username: expect.stringMatching(/^guest-[0-9a-f-]{36}$/),
    principal_id: user!.id,
    access_token: expect.any(String),
    refresh_token: expect.any(String),
    token_type: 'Bearer',
    expires_in: 3600,
  })
  expect(user).toMatchObject({ attributes: { guest: ['true'] }, groups: ['/guests'], enabled: true })
  expect(
    await service.database.query('SELECT kind, created_by, created_at FROM workspace WHERE id = $1', [user!.id]),
  ).toEqual([{ kind: 'guest', created_by: user!.id, created_at: expect.any(Date) }])
})

test('a provider that is silent costs ten seconds at most, and is 503 [I-090]', async () => {
  const silent = await startFakeIdentity(issuer)
  silent.intercept = () => true
  const other = await bootLlmApi({ KEYCLOAK_BASE_URL: silent.url }, issuer)
  const began = Date.now()
  expect((await call(other, 'POST', '/auth/guest-login')).status).toBe(503)
  expect(Date.now() - began).toBeLessThan(12_000)
  await other.close()
  await silent.close()
})

test('a guest can ask who it is [I-032]', async () => {
  const guest = (await become()).json
  const me = await call(service, 'GET', '/auth/me', { headers: { authorization: `Bearer ${guest.access_token}` } })
  expect(me.json).toEqual({
    id: guest.user_id,
    subject: guest.user_id,
    username: guest.username,
    name: guest.username,
    kind: 'guest',
    roles: ['guest'],
    is_guest: true,
    auth_method: 'jwt',
  })
  expect(me.headers.get('x-auth-method')).toBe('jwt')
})

test('the service account signs in once for many guests, and again when its token is forgotten', async () => {
  await become()
  const before = identity.backendLogins
  await Promise.all([become(), become(), become()])
  expect(identity.backendLogins).toBe(before)
  identity.forgetTokens()
  expect((await become()).status).toBe(201)
  expect(identity.backendLogins).toBe(before + 1)
})

test('a guest that cannot sign in is deleted again', async () => {
  identity.intercept = (kind, response) =>
    kind === 'password' &&
    Boolean(sendJson(response, 400, { error: 'invalid_grant', error_description: 'secret detail' }))
  const { status, json } = await become()
  expect([status, json.message]).toEqual([502, 'The identity provider refused the request'])
  expect(JSON.stringify(json)).not.toContain('secret detail')
  expect(identity.users.size).toBe(0)
})

test('a guest whose tokens do not come is deleted again', async () => {
  identity.intercept = (kind, response) => kind === 'password' && Boolean(response.socket?.destroy())
  expect((await become()).status).toBe(503)
  expect(identity.users.size).toBe(0)
})

test('a refused service account is 502, a provider that starts is 503', async () => {
  identity.intercept = (kind, response) =>
    kind === 'POST users' && Boolean(sendJson(response, 403, { error: 'HTTP 403 Forbidden' }))
  expect((await become()).status).toBe(502)
  identity.intercept = (_kind, response) => Boolean(sendJson(response, 503, {}))
  expect((await become()).status).toBe(503)
})

test('an identity provider that is away is 503 and says when to come back; back again, all is well [H-106]', async () => {
  const mortal = await startFakeIdentity(issuer)
  const other = await bootLlmApi({ KEYCLOAK_BASE_URL: mortal.url }, issuer)
  await mortal.close()
  const answer = await call(other, 'POST', '/auth/guest-login')
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)])
  const back = await startFakeIdentity(issuer, Number(new URL(mortal.url).port))
  expect((await call(other, 'POST', '/auth/guest-login')).status).toBe(201)
  await other.close()
  await back.close()
})

test('no guest is left at the identity provider when the database is away', async () => {
  const other = await bootLlmApi(
    { KEYCLOAK_BASE_URL: identity.url, LLM_DATABASE_URL: 'postgresql://nobody@127.0.0.1:9/none' },
    issuer,
  )
  expect((await call(other, 'POST', '/auth/guest-login')).status).toBe(503)
  expect(identity.users.size).toBe(0)
  await other.close()
})

test('a refresh token buys new tokens: in the body, the cookie or the header [I-022]', async () => {
  const refresh = (method: 'POST' | 'GET', input: { json?: unknown; headers?: Record<string, string> }) =>
    call(service, method, '/auth/refresh-token', input)
  const { refresh_token: first } = (await become()).json as { refresh_token: string }
  const second = await refresh('POST', { json: { refresh_token: first } })
  expect(second.json).toEqual({
    access_token: expect.any(String),
    refresh_token: expect.any(String),
    token_type: 'Bearer',
    expires_in: 3600,
    expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  })
  const third = await refresh('POST', { headers: { cookie: `a=b; refresh_token=${second.json.refresh_token}` } })
  expect(third.status).toBe(200)
  const fourth = await refresh('GET', { headers: { authorization: `Bearer ${third.json.refresh_token}` } })
  expect(fourth.status).toBe(200)

  // Who comes with it a second time at once gets the same answer.
  expect((await refresh('POST', { json: { refresh_token: first } })).json).toMatchObject({
    refresh_token: second.json.refresh_token,
  })
  const unknown = await refresh('POST', { json: { refresh_token: 'made-up' } })
  expect([unknown.status, unknown.headers.get('www-authenticate')]).toEqual([401, expect.stringContaining('Bearer')])
  expect((await refresh('GET', { headers: { authorization: 'Bearer made-up' } })).status).toBe(400)
  const named = { status: 400, json: { error: { param: 'refresh_token' } } }
  const fifth = await refresh('POST', {
    json: {},
    headers: { authorization: `Bearer ${fourth.json.refresh_token}` },
  })
  expect(fifth.status).toBe(200)
  expect(await refresh('POST', { json: {} })).toMatchObject(named)
  expect(await refresh('POST', { json: { refresh_token: '' } })).toMatchObject(named)
  expect((await refresh('POST', {})).json).toMatchObject({ message: 'refresh_token required' })
  expect((await refresh('GET', {})).status).toBe(400)
})

test('an address becomes so many guests an hour, and the provider is not asked for more [I-050 I-051 P-061]', async () => {
  const narrow = await bootLlmApi({ KEYCLOAK_BASE_URL: identity.url, GUEST_LIMIT_PER_HOUR: '2' }, issuer)
  const from = (address: string) =>
    call(narrow, 'POST', '/auth/guest-login', { headers: { 'x-forwarded-for': `9.9.9.9, ${address}` } })
  expect([(await from('203.0.113.1')).status, (await from('203.0.113.1')).status]).toEqual([201, 201])
  const refused = await from('203.0.113.1')
  expect([refused.status, refused.json]).toMatchObject([429, { error: { code: 'rate_limit_exceeded' } }])
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3500)
  expect(identity.users.size).toBe(2)
  // A household has a whole network of IPv6.
  for (const [address, status] of Object.entries({ '2001:db8::1': 201, '2001:db8::2': 201, '2001:db8::3': 429 }))
    expect((await from(address)).status).toBe(status)
  await narrow.close()
})

test('50 guests at once: some are refused for their number, and nothing else fails [I-055]', async () => {
  const narrow = await bootLlmApi({ KEYCLOAK_BASE_URL: identity.url, GUEST_LIMIT_PER_HOUR: '30' }, issuer)
  const answers = await Promise.all(Array.from({ length: 50 }, () => call(narrow, 'POST', '/auth/guest-login')))
  const statuses = answers.map(({ status }) => status).toSorted()
  expect(statuses).toEqual([...Array(30).fill(201), ...Array(20).fill(429)])
  expect(identity.users.size).toBe(30)
  await narrow.close()
})

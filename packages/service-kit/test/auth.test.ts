import { randomUUID } from 'node:crypto'
import { serve } from '@jan/testkit/serve'
import { createTokenIssuer, TEST_ISSUER, type TokenIssuer } from '@jan/testkit/tokens'
import { beforeAll, expect, test } from '@jest/globals'
import { generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { type Authenticate, bearerAuth, firstOf, type Person } from '../src/auth.ts'
import type { AppError } from '../src/errors.ts'
import { createInternalTokens, parseInternalKeys } from '../src/internal-token.ts'
import { everyoneIsLocal } from '../src/local-caller.ts'

const ada: Person = { kind: 'user', subject: 'ada', workspaceId: 'ada', roles: ['user'] }
const keyOf = (kid: string) => ({ kid, secret: Buffer.alloc(32, kid) })
const internal = (service: string, ...kids: string[]) =>
  createInternalTokens(service, (kids.length ? kids : ['a']).map(keyOf))

let issuer: TokenIssuer
let authenticate: Authenticate
beforeAll(async () => {
  issuer = await createTokenIssuer()
  authenticate = bearerAuth({
    issuer: TEST_ISSUER,
    audience: ['jan', 'jan-client'],
    jwksUrl: 'http://127.0.0.1:1/',
    keys: issuer.keys,
    internal: internal('media-api'),
  })
})
const outcome = (token: string) =>
  Promise.resolve(authenticate({ authorization: `Bearer ${token}` })).catch((error: AppError) => ({
    status: error.status,
    challenge: error.extra.headers?.['www-authenticate'],
  }))

test('a token of the realm says who calls [H-37 P-052]', async () => {
  expect(await outcome(await issuer.token('ada', { email: 'a@b.c' }))).toEqual({
    kind: 'user',
    subject: 'ada',
    workspaceId: 'ada',
    roles: ['user'],
    username: 'ada',
    email: 'a@b.c',
  })
  expect(await outcome(await issuer.token('g', { realm_access: { roles: ['guest'] } }))).toMatchObject({
    kind: 'guest',
  })
  expect(await outcome(await issuer.token('new', { realm_access: undefined }))).toMatchObject({
    kind: 'user',
    roles: [],
  })
  expect(await outcome(await issuer.token('ada', { aud: ['x', 'jan-client'] }))).toMatchObject({ kind: 'user' })
  expect(await authenticate({})).toBeUndefined()
  expect(await authenticate({ authorization: 'Basic x' })).toBeUndefined()
})

test.each<[string, () => Promise<string>]>([
  ['expired', () => issuer.token('ada', { exp: Math.floor(Date.now() / 1000) - 10 })],
  ['of another issuer', () => issuer.token('ada', { iss: 'http://elsewhere/realms/jan' })],
  ['for another audience', () => issuer.token('ada', { aud: 'account' })],
  ['signed by somebody else', async () => (await createTokenIssuer()).token('ada')],
  ['unsigned', async () => new UnsecuredJWT({ sub: 'ada', aud: 'jan', iss: TEST_ISSUER, exp: 9e9 }).encode()],
  [
    'signed with a secret instead of a key',
    () =>
      new SignJWT({ sub: 'ada', aud: 'jan' })
        .setIssuer(TEST_ISSUER)
        .setExpirationTime('1h')
        .setProtectedHeader({ alg: 'HS256', kid: 'test' })
        .sign(Buffer.alloc(32)),
  ],
  ['from the future', () => issuer.token('ada', { nbf: Math.floor(Date.now() / 1000) + 600 })],
  ['without an expiry', () => issuer.token('ada', { exp: undefined })],
  ['an ID token', () => issuer.token('ada', { typ: 'ID' })],
  ['garbage', async () => 'abc'],
  ['internal, for another service', () => internal('response-api').mint('llm-api', ada)],
  ['internal, signed with an unknown key', () => internal('response-api', 'z').mint('media-api', ada)],
])('a token that is %s is refused [H-98 P-052]', async (_name, token) => {
  expect(await outcome(await token())).toEqual({
    status: 401,
    challenge: expect.stringMatching(/^Bearer realm="jan", error="invalid_token"/),
  })
})

test('a verified token is remembered until it expires, not longer [H-38]', async () => {
  let now = Date.now()
  const remembering = bearerAuth({
    issuer: TEST_ISSUER,
    audience: ['jan'],
    jwksUrl: 'http://127.0.0.1:1/',
    keys: issuer.keys,
    now: () => now,
  })
  const headers = { authorization: `Bearer ${await issuer.token('ada')}` }
  const first = await remembering(headers)
  expect(await remembering(headers)).toBe(first)
  now += 3610_000
  await expect(remembering(headers)).rejects.toMatchObject({ code: 'unauthenticated' })
})

test('a service speaks for a person, and says through whom [H-37 H-39]', async () => {
  const token = await internal('response-api').mint('media-api', ada, { approvalId: 'apr_1', callHash: 'h' })
  expect(await outcome(token)).toEqual({ ...ada, via: 'response-api', grant: { approvalId: 'apr_1', callHash: 'h' } })
  expect(
    await outcome(await internal('llm-api').mint('media-api', { kind: 'service', service: 'somebody-else' })),
  ).toEqual({ kind: 'service', service: 'llm-api' })
})

test('an approval covers the call it came with, not those that follow [H-39]', async () => {
  const approved = (await outcome(
    await internal('response-api').mint('media-api', ada, { approvalId: 'apr_1', callHash: 'h' }),
  )) as Person
  const onward = await internal('media-api').mint('llm-api', approved)
  expect(await internal('llm-api').verify(onward)).toEqual({ ...ada, via: 'media-api' })
})

test('clocks of two machines may lie a little apart [H-39]', async () => {
  const key = keyOf('a')
  const at = (seconds: number) =>
    new SignJWT({ act: ada })
      .setProtectedHeader({ alg: 'HS256', typ: 'jan-internal+jwt', kid: 'a' })
      .setIssuer('response-api')
      .setAudience('media-api')
      .setIssuedAt(Math.floor(Date.now() / 1000) + seconds)
      .setJti(randomUUID())
      .setExpirationTime('10 minutes')
      .sign(key.secret)
  expect(await outcome(await at(2))).toMatchObject({ subject: 'ada' })
  expect(await outcome(await at(30))).toMatchObject({ status: 401 })
  expect(await outcome(await at(-90))).toMatchObject({ status: 401 })
})

test('key rings rotate: the new key signs, the old one still verifies [H-40 P-058]', async () => {
  const old = await internal('a', 'old').mint('b', ada)
  expect(await internal('b', 'new', 'old').verify(old)).toMatchObject({ subject: 'ada' })
  await expect(internal('b', 'new').verify(old)).rejects.toThrow()
  expect(parseInternalKeys(`k1:${Buffer.alloc(32).toString('base64url')}`)).toHaveLength(1)
  expect(() => parseInternalKeys('k1:short')).toThrow(/entry 1/)
})

test('when the identity provider is away, known tokens go on and unknown ones are 503 [H-57]', async () => {
  await using jwks = await serve((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(issuer.keys.jwks()))
  })
  const remote = bearerAuth({ issuer: TEST_ISSUER, audience: ['jan'], jwksUrl: `${jwks.url}/certs` })
  const known = { authorization: `Bearer ${await issuer.token('ada')}` }
  expect(await remote(known)).toMatchObject({ subject: 'ada' })
  await jwks.close()
  expect(await remote(known)).toMatchObject({ subject: 'ada' })
  const never = bearerAuth({ issuer: TEST_ISSUER, audience: ['jan'], jwksUrl: `${jwks.url}/certs` })
  await expect(never(known)).rejects.toMatchObject({ code: 'unavailable', extra: { headers: { 'retry-after': '2' } } })
})

test('keys that are known go on verifying while the issuer is away', async () => {
  await using jwks = await serve((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(issuer.keys.jwks()))
  })
  const remote = bearerAuth({ issuer: TEST_ISSUER, audience: ['jan'], jwksUrl: `${jwks.url}/certs` })
  await remote({ authorization: `Bearer ${await issuer.token('ada')}` })
  await jwks.close()
  expect(await remote({ authorization: `Bearer ${await issuer.token('eve')}` })).toMatchObject({ subject: 'eve' })
})

test('ways to authenticate are tried in order', async () => {
  const both = firstOf(
    async ({ 'x-key': key }) => (key === 'k' ? { kind: 'service', service: 'key' } : undefined),
    everyoneIsLocal,
  )
  expect(await both({ 'x-key': 'k' })).toEqual({ kind: 'service', service: 'key' })
  expect(await both({ host: 'localhost:8080' })).toMatchObject({ subject: 'local' })
})

test('generated keys of other algorithms do not fit', async () => {
  const { privateKey } = await generateKeyPair('ES256')
  const token = await new SignJWT({ sub: 'a', aud: 'jan' })
    .setIssuer(TEST_ISSUER)
    .setExpirationTime('1h')
    .setProtectedHeader({ alg: 'ES256', kid: 'test' })
    .sign(privateKey)
  expect(await outcome(token)).toMatchObject({ status: 401 })
})

test('without authentication only this machine is served, not the pages its browser shows [P-018]', async () => {
  const local = { host: 'localhost:8080' }
  for (const headers of [
    local,
    { host: '127.0.0.1' },
    { host: '[::1]:80' },
    { ...local, origin: 'http://localhost:3000' },
    { host: 'llm-api:8080', 'x-forwarded-host': 'localhost' },
  ])
    expect(await everyoneIsLocal(headers)).toMatchObject({ subject: 'local' })
  const foreign = [
    { ...local, origin: 'https://evil.example' },
    { ...local, origin: 'null' },
    { ...local, 'sec-fetch-site': 'cross-site' },
    { host: 'evil.example' },
    { host: 'llm-api:8080', 'x-forwarded-host': 'evil.example' },
    { host: 'evil.example', 'x-forwarded-host': 'localhost' },
  ]
  for (const headers of foreign) await expect(everyoneIsLocal(headers)).rejects.toMatchObject({ code: 'forbidden' })
})

import { createPublicKey } from 'node:crypto'
import { createTokenIssuer } from '@jan/testkit/tokens'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { base64url, SignJWT } from 'jose'
import { type Booted, bootLlmApi, call } from './boot.ts'

let service: Booted
beforeAll(async () => {
  service = await bootLlmApi()
})
afterAll(() => service.close())

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const claims = () => ({ iss: service.issuer.issuer, sub: 'ann', aud: 'jan', exp: Math.floor(Date.now() / 1000) + 60 })

/** The public key as an attacker would use it: as the secret of a symmetric signature. */
async function signedWithPublicKey(): Promise<string> {
  const [jwk] = service.issuer.keys.jwks()!.keys
  const pem = createPublicKey({ key: jwk!, format: 'jwk' }).export({ type: 'spki', format: 'pem' }) as string
  return new SignJWT({ aud: 'jan' })
    .setProtectedHeader({ alg: 'HS256', kid: 'test' })
    .setIssuer(service.issuer.issuer)
    .setSubject('ann')
    .setExpirationTime('1m')
    .sign(new TextEncoder().encode(pem))
}

const unsigned = (header: object) =>
  `${base64url.encode(JSON.stringify(header))}.${base64url.encode(JSON.stringify(claims()))}.`

describe.each([
  ['POST', '/v1/chat/completions'],
  ['GET', '/v1/models'],
  ['GET', '/auth/me'],
])('%s %s is 401', (method, path) => {
  test.each<[string, () => Promise<Record<string, string>>]>([
    ['without a token', async () => ({})],
    [
      'with identity headers only',
      async () => ({ 'x-user-id': 'ann', 'x-user-subject': 'ann', 'x-auth-method': 'apikey', 'x-consumer-id': 'ann' }),
    ],
    ['with another scheme', async () => ({ authorization: 'Basic YTpi' })],
    ['with garbage', async () => bearer('nonsense')],
    ['with an expired token', () => service.issuer.bearer('ann', { exp: 1_700_000_000 })],
    ['with a wrong signature', async () => (await createTokenIssuer(service.issuer.issuer)).bearer('ann')],
    ['with another issuer', () => service.issuer.bearer('ann', { iss: 'http://evil.test/realms/jan' })],
    ['with another audience', () => service.issuer.bearer('ann', { aud: 'account' })],
    ['with alg none', async () => bearer(unsigned({ alg: 'none', typ: 'JWT' }))],
    ['with HS256 by the public key', async () => bearer(await signedWithPublicKey())],
  ])('%s', async (_what, headers) => {
    const answer = await call(service, method, path, {
      headers: await headers(),
      ...(method === 'POST' ? { body: '{}' } : {}),
    })
    expect(answer.status).toBe(401)
    expect(answer.json).toMatchObject({
      error: { message: expect.any(String), type: 'authentication_error' },
      message: expect.any(String),
    })
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm="jan"/)
  })
})

test('identity headers beside a good token change nothing [H-99 W-001]', async () => {
  const me = await call(service, 'GET', '/auth/me', {
    headers: { ...(await service.as('ann')), 'x-user-id': 'bob', 'x-user-subject': 'bob' },
  })
  expect([me.status, me.json.id]).toEqual([200, 'ann'])
})

test('a request of a known caller writes nothing of the person [I-091]', async () => {
  const headers = await service.as('ann')
  for (const path of ['/auth/me', '/v1/models', '/auth/api-keys']) await call(service, 'GET', path, { headers })
  const tables = await service.database.query(
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
  )
  for (const { name } of tables) {
    const rows = await service.database.query(`SELECT FROM "${name}" AS row WHERE strpos(row::text, 'ann') > 0`)
    expect([name, rows]).toEqual([name, []])
  }
})

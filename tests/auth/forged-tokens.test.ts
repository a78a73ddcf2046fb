import { createHmac, createPublicKey } from 'node:crypto'
import { type Served, serve } from '@jan/testkit/serve'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { base64url, type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { type FourServices, openServices, type Reply } from './four-services.ts'

let services: FourServices
/** A server of the attacker's, with keys of theirs, that nobody may ask. */
let lair: Served
let asked = 0
let attacker: { privateKey: CryptoKey; jwk: JWK }

beforeAll(async () => {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  attacker = { privateKey, jwk: { ...(await exportJWK(publicKey)), alg: 'RS256', use: 'sig', kid: 'current' } }
  lair = await serve((_request, response) => {
    asked += 1
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: [attacker.jwk] }))
  })
  services = await openServices()
}, 60_000)
afterAll(async () => {
  await services?.close()
  await lair?.close()
})

const now = () => Math.floor(Date.now() / 1000)
const claims = () => ({
  iss: services.issuer,
  sub: 'ann',
  aud: 'jan',
  typ: 'Bearer',
  azp: 'jan-client',
  exp: now() + 60,
})
const encode = (value: unknown) => base64url.encode(JSON.stringify(value))
/** By the attacker's own key, under a name of their choice. */
const forged = (header: Record<string, unknown>) =>
  new SignJWT(claims()).setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...header }).sign(attacker.privateKey)
function byHmac(secret: string | Uint8Array, header: Record<string, unknown> = {}): string {
  const signed = `${encode({ alg: 'HS256', kid: 'current', ...header })}.${encode(claims())}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}
const publicKey = () => createPublicKey({ key: services.publicKey, format: 'jwk' })
/** A good token with one part in another's place. */
async function altered(change: (parts: string[]) => unknown[]): Promise<string> {
  return change((await services.token()).split('.')).join('.')
}

function expectRefusal(service: string, { status, headers, json }: Reply): void {
  expect([service, status]).toEqual([service, 401])
  expect(headers.get('www-authenticate')).toMatch(/^Bearer /)
  expect(json).toMatchObject({ message: expect.any(String), request_id: expect.any(String) })
  if (service === 'media-api') expect(json).toMatchObject({ error: json.message, code: 'unauthenticated' })
  else if (service === 'mcp-tools') expect(json.error).toMatchObject({ code: -32000, message: json.message })
  else
    expect(json.error).toEqual({
      message: json.message,
      type: 'authentication_error',
      code: 'unauthenticated',
      param: null,
    })
}

async function expectRefusals(token: string): Promise<void> {
  const answers = await Promise.all(
    services.doors.map(({ knock, service }) =>
      knock({ authorization: `Bearer ${token}` }).then((reply) => [service, reply] as const),
    ),
  )
  for (const [service, reply] of answers) expectRefusal(service, reply)
}

test('a good token is taken by every service, with one audience or several [I-005 I-059]', async () => {
  for (const aud of ['jan', ['account', 'jan'], ['jan', 'jan-client']])
    for (const { service, knock } of services.doors) {
      const { status } = await knock({ authorization: `Bearer ${await services.token({ aud })}` })
      expect([service, [401, 403, 503].includes(status)]).toEqual([service, false])
    }
})

test.each<[string, () => string | Promise<string>]>([
  ['unsigned', () => `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims())}.`],
  ['unsigned, in other letters', () => `${encode({ alg: 'nOnE', typ: 'JWT', kid: 'current' })}.${encode(claims())}.`],
  ['unsigned, with a signature', () => altered(([, body, sig]) => [encode({ alg: 'none' }), body, sig])],
  ['without its signature', () => altered(([head, body]) => [head, body, ''])],
  ['two parts', () => altered(([head, body]) => [head, body])],
  ['four parts', () => altered((parts) => [...parts, 'x'])],
  [
    'raised to admin',
    () => altered(([head, , sig]) => [head, encode({ ...claims(), realm_access: { roles: ['admin'] } }), sig]),
  ],
  [
    'signed with the public key as a secret (PEM)',
    () => byHmac(publicKey().export({ type: 'spki', format: 'pem' }) as string),
  ],
  ['signed with the public key as a secret (DER)', () => byHmac(publicKey().export({ type: 'spki', format: 'der' }))],
  ['signed with the public key as a secret (JWK)', () => byHmac(JSON.stringify(services.publicKey))],
  ['signed with the modulus as a secret', () => byHmac(services.publicKey.n!)],
  ['of RS256 by name, but an HMAC', () => altered(([head, body]) => [head, body, 'A'.repeat(43)])],
  ['signed by another key under the known id', () => forged({ kid: 'current' })],
  ['signed by another key under the id of the key for secrets', () => forged({ kid: 'other' })],
  ['signed by another key without an id', () => forged({})],
  ['of an unknown key', () => forged({ kid: 'nobody' })],
  ['of a key that is a path', () => byHmac('', { kid: '../../../../../../dev/null' })],
  ['of a key that is a statement', () => byHmac('x', { kid: "x' UNION SELECT 'x' --" })],
  ['of a key that is an address', () => forged({ kid: `${lair.url}/keys` })],
  ['of a key that every object has', () => forged({ kid: '__proto__' })],
  ['of a key with a name of 100 kB in its head', () => forged({ kid: 'k'.repeat(9_000) })],
  ['of a key that is no text', () => `${encode({ alg: 'RS256', kid: { $ne: null } })}.${encode(claims())}.AAAA`],
  ['with its key in its head', () => forged({ kid: 'x', jwk: attacker.jwk })],
  ['with the address of its keys in its head', () => forged({ kid: 'current', jku: `${lair.url}/jwks` })],
  ['with the address of a certificate in its head', () => forged({ kid: 'current', x5u: `${lair.url}/x5u` })],
  ['with a certificate in its head', () => forged({ kid: 'current', x5c: ['AAAA'] })],
  [
    'with a demand that is not known',
    () => altered(([, body, sig]) => [encode({ alg: 'RS256', crit: ['b64'], b64: false }), body, sig]),
  ],
  [
    'of an algorithm that is none of ours',
    () => altered(([, body, sig]) => [encode({ alg: 'PS256', kid: 'current' }), body, sig]),
  ],
  ['encrypted', () => `${encode({ alg: 'dir', enc: 'A256GCM' })}..AAAA.AAAA.AAAA`],
  ['of a head that is no JSON', () => altered(([, body, sig]) => ['e30e30', body, sig])],
])('a token that is %s is 401 at every service, and nobody else is asked [I-059 I-084]', async (_what, make) => {
  await expectRefusals(await make())
  expect(asked).toBe(0)
})

test.each<[string, () => Record<string, unknown>]>([
  ['for another audience', () => ({ aud: 'account' })],
  ['for an audience that only begins so', () => ({ aud: ['jan2', 'JAN', 'jan '] })],
  ['for nobody', () => ({ aud: undefined })],
  ['of another issuer', () => ({ iss: 'http://evil.test/realms/jan' })],
  ['of realm master', () => ({ iss: services.issuer.replace('/jan', '/master') })],
  ['of an issuer with a slash more', () => ({ iss: `${services.issuer}/` })],
  ['of the issuer of a laptop', () => ({ iss: 'http://localhost:8085/realms/jan' })],
  ['of the issuer of a network of containers', () => ({ iss: 'http://keycloak:8085/realms/jan' })],
  ['of no issuer', () => ({ iss: undefined })],
  ['expired', () => ({ exp: now() - 10 })],
  ['without an end', () => ({ exp: undefined })],
  ['with an end that is a text', () => ({ exp: '9999999999' })],
  ['not good yet', () => ({ nbf: now() + 600 })],
  ['of tomorrow', () => ({ iat: now() + 600 })],
  ['of another client', () => ({ azp: 'backend' })],
  ['without a subject', () => ({ sub: undefined })],
  ['an ID token', () => ({ typ: 'ID' })],
  ['a refresh token', () => ({ typ: 'Refresh' })],
])('a token of the issuer’s own that is %s is 401 at every service [I-059 I-086 I-087]', async (_what, wrong) => {
  await expectRefusals(await services.token(wrong()))
})

test('tokens of unknown keys do not make the services ask for keys again and again [I-059 I-085]', async () => {
  const before = services.keysAsked
  const knock = async (nth: number) => expectRefusals(await forged({ kid: `unknown-${nth}` }))
  await Promise.all(Array.from({ length: 25 }, (_, nth) => knock(nth)))
  expect(services.keysAsked - before).toBeLessThanOrEqual(services.doors.length * 2)
})

test('a credential sent in another way than a header is none [I-059]', async () => {
  const token = await services.token()
  for (const { service, knock } of services.doors)
    for (const headers of [
      { cookie: `access_token=${token}; Authorization=Bearer ${token}` },
      { authorization: token },
      { authorization: `Token ${token}` },
      { authorization: `Bearer ${token} ${token}` },
      { 'x-forwarded-access-token': token },
      { 'x-api-key': token },
    ] as Record<string, string>[])
      expectRefusal(service, await knock(headers))
})

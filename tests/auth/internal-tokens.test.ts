import { randomBytes, randomUUID } from 'node:crypto'
import type { Person } from '@jan/service-kit/auth'
import { createInternalTokens, parseInternalKeys } from '@jan/service-kit/internal-token'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { base64url, SignJWT } from 'jose'
import { type FourServices, openServices } from './four-services.ts'

let services: FourServices
beforeAll(async () => {
  services = await openServices()
}, 60_000)
afterAll(() => services?.close())

const ann: Person = { kind: 'user', subject: 'ann', workspaceId: 'ann', roles: ['user', 'admin'] }
const tokensOf = (service: string, ring = services.internalKeys) =>
  createInternalTokens(service, parseInternalKeys(ring))
const secret = () => parseInternalKeys(services.internalKeys)[0]!.secret
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const now = () => Math.floor(Date.now() / 1000)

/** As one of ours would mint it for a service, but for what is changed. */
const minted = (audience: string, claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}) =>
  new SignJWT({
    act: ann,
    iss: 'response-api',
    aud: audience,
    iat: now(),
    exp: now() + 60,
    jti: randomUUID(),
    ...claims,
  })
    .setProtectedHeader({ alg: 'HS256', typ: 'jan-internal+jwt', kid: 't', ...header })
    .sign(secret())

test('an internal token is taken by the service it is for, and 401 at every other [I-060]', async () => {
  for (const { service: audience } of services.doors) {
    const token = await tokensOf('somebody').mint(audience, ann)
    for (const { service, knock } of services.doors) {
      const { status } = await knock(bearer(token))
      expect([audience, service, status === 401]).toEqual([audience, service, service !== audience])
    }
  }
})

test.each<[string, (audience: string) => string | Promise<string>]>([
  ['expired', (to) => minted(to, { iat: now() - 70, exp: now() - 10 })],
  ['older than a minute, whatever it says of its end', (to) => minted(to, { iat: now() - 90, exp: now() + 3600 })],
  ['of tomorrow', (to) => minted(to, { iat: now() + 600, exp: now() + 660 })],
  ['without an end', (to) => minted(to, { exp: undefined })],
  ['without a beginning', (to) => minted(to, { iat: undefined })],
  ['without a name of its own', (to) => minted(to, { jti: undefined })],
  ['of nobody', (to) => minted(to, { iss: undefined })],
  ['for nobody', (to) => minted(to, { aud: undefined })],
  ['for everybody', () => minted('*')],
  ['without whom it speaks for', (to) => minted(to, { act: undefined })],
  ['of an unknown key', (to) => minted(to, {}, { kid: 'other' })],
  ['of no key', (to) => minted(to, {}, { kid: undefined })],
  ['of a key that every object has', (to) => minted(to, {}, { kid: '__proto__' })],
  [
    'signed with another key under a known id',
    (to) => tokensOf('x', `t:${randomBytes(32).toString('base64url')}`).mint(to, ann),
  ],
  ['of another algorithm', (to) => minted(to, {}, { alg: 'HS512' })],
  ['of another kind', (to) => minted(to, {}, { typ: 'JWT' })],
  [
    'unsigned',
    (to) =>
      `${base64url.encode('{"alg":"none","typ":"jan-internal+jwt","kid":"t"}')}.${base64url.encode(JSON.stringify({ act: ann, iss: 'x', aud: to, iat: now(), exp: now() + 60 }))}.`,
  ],
  ['an access token in its clothes', () => services.token({}, { typ: 'jan-internal+jwt' })],
])('an internal token that is %s is 401 at every service [I-060]', async (_what, make) => {
  for (const { service, knock } of services.doors) {
    const { status, headers } = await knock(bearer(await make(service)))
    expect([service, status, headers.get('www-authenticate')]).toEqual([
      service,
      401,
      expect.stringMatching(/^Bearer /),
    ])
  }
})

test('an internal token is good for one call: replayed, it is 401 [I-060 I-088]', async () => {
  for (const { service, knock } of services.doors) {
    const token = await tokensOf('somebody').mint(service, ann)
    const [first, second] = [await knock(bearer(token)), await knock(bearer(token))]
    expect([service, first.status === 401, second.status]).toEqual([service, false, 401])
  }
})

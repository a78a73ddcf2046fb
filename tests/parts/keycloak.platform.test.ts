import { randomBytes } from 'node:crypto'
import { createSimulator } from '@jan/model-simulator/simulator'
import { createTestDatabase } from '@jan/testkit/postgres'
import { fromPart } from '@jan/testkit/real-part'
import { type ServiceProcess, startServiceProcess } from '@jan/testkit/service-process'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import type { Json } from '../platform.ts'
// The suite of sign-in, which finds this Keycloak by its variables.
import '../auth/auth.test.ts'

const keycloak = fromPart('JAN_TEST_KEYCLOAK_URL')
const clientSecret = fromPart('JAN_TEST_KEYCLOAK_CLIENT_SECRET')
const realm = `${keycloak}/realms/jan`
const certs = `${realm}/protocol/openid-connect/certs`

/** llm-api as it is shipped, with this Keycloak as its identity provider. */
let service: ServiceProcess
const closers: (() => unknown)[] = []

beforeAll(async () => {
  const database = await createTestDatabase({ service: 'llm-api' })
  const model = await createSimulator().listen(0, '127.0.0.1')
  service = await startServiceProcess('llm-api', () => ({
    LLM_DATABASE_URL: database.url,
    INTERNAL_TOKEN_KEYS: `t:${randomBytes(32).toString('base64url')}`,
    FIELD_ENCRYPTION_KEYS: `t:${randomBytes(32).toString('base64url')}`,
    AUTH_ISSUER: realm,
    AUTH_JWKS_URL: certs,
    KEYCLOAK_BASE_URL: keycloak,
    BACKEND_CLIENT_SECRET: clientSecret,
    JAN_MODEL_BASE_URL: `${model.url}/v1`,
  }))
  closers.push(service.stop, () => model.close(), database.drop)
})
afterAll(async () => {
  for (const close of closers) await close()
})

async function call(method: string, path: string, { token, body }: { token?: string; body?: unknown } = {}) {
  const answer = await fetch(`${service.url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: body === undefined ? null : JSON.stringify(body),
  })
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Json }
}

const becomeGuest = async () => {
  const { status, body } = await call('POST', '/auth/guest-login')
  expect([status, body]).toMatchObject([201, { token_type: 'Bearer' }])
  return body
}

test('the realm of this repository is imported and answers discovery [H-68]', async () => {
  const discovery = (await (await fetch(`${realm}/.well-known/openid-configuration`)).json()) as Json
  expect(discovery).toMatchObject({ issuer: realm, jwks_uri: certs })
  expect(((await (await fetch(`${service.url}/readyz`)).json()) as Json).degraded ?? []).not.toContain('identity')
})

test('no token, a changed one and one for another audience are 401', async () => {
  const { access_token } = await becomeGuest()
  const [head, , signature] = access_token.split('.')
  const claims = { ...decodeJwt(access_token), realm_access: { roles: ['admin'] } }
  const changed = [head, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.')
  for (const token of [undefined, 'nonsense', changed]) {
    const refused = await call('GET', '/v1/models', token ? { token } : {})
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, expect.stringMatching(/^Bearer/)])
  }
})

test('a secret that is not Keycloak’s makes no guests', async () => {
  const database = await createTestDatabase({ service: 'llm-api' })
  {
    await using stranger = await startServiceProcess('llm-api', () => ({
      LLM_DATABASE_URL: database.url,
      INTERNAL_TOKEN_KEYS: `t:${randomBytes(32).toString('base64url')}`,
      FIELD_ENCRYPTION_KEYS: `t:${randomBytes(32).toString('base64url')}`,
      KEYCLOAK_BASE_URL: keycloak,
      BACKEND_CLIENT_SECRET: 'another',
      JAN_MODEL_BASE_URL: 'http://127.0.0.1:9/v1',
    }))
    const answer = await fetch(`${stranger.url}/auth/guest-login`, { method: 'POST' })
    expect(answer.status).toBeGreaterThanOrEqual(500)
    expect(await answer.text()).not.toContain('another')
  }
  await database.drop()
})

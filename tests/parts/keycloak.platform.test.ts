import { execFile } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createSimulator } from '@jan/model-simulator/simulator'
import { createTestDatabase } from '@jan/testkit/postgres'
import { fromPart } from '@jan/testkit/real-part'
import { type ServiceProcess, startServiceProcess } from '@jan/testkit/service-process'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import type { Json } from '../platform.ts'
// The suites of sign-in, which find this Keycloak by its variables.
import '../auth/auth.test.ts'
import '../auth/absent-guests.test.ts'
import '../auth/answers.test.ts'
import '../auth/mcp-redirects.test.ts'
import '../auth/reuse.test.ts'
import '../auth/upgrade-faults.test.ts'

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

test('make user makes the first admin here, with an API key [I-058]', async () => {
  const email = `${randomUUID()}@example.test`
  const variables = { KEYCLOAK_BASE_URL: keycloak, BACKEND_CLIENT_SECRET: clientSecret, GATEWAY_URL: service.url }
  const cli = fileURLToPath(new URL('../../packages/embedded/src/cli.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [cli, 'user'], {
    env: { ...process.env, ...variables, EMAIL: email, ROLE: 'admin', JSON: '1' },
  })
  const made = JSON.parse(stdout)
  expect(made).toEqual({
    email,
    password: expect.any(String),
    user_id: expect.any(String),
    api_key: expect.stringMatching(/^sk_live_/),
  })
  expect(await call('GET', '/auth/me', { token: made.api_key })).toMatchObject({ body: { id: made.user_id } })
  expect(await call('GET', '/v1/admin/audit', { token: made.api_key })).toMatchObject({ status: 200 })
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

import { fileURLToPath } from 'node:url'
import { createTestDatabase, type TestDatabase } from '@jan/testkit/postgres'
import { test } from '@jest/globals'
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose'
import { createIdentityProvider } from './identity.ts'

export const REALM_FILE = fileURLToPath(new URL('../../../../keycloak/import/realm-jan.json', import.meta.url))
/** With JAN_TEST_KEYCLOAK_URL the suites that judge by HTTP alone run against that Keycloak instead. */
const KEYCLOAK = process.env.JAN_TEST_KEYCLOAK_URL
export const isKeycloak = KEYCLOAK !== undefined

/** A test of what only the embedded provider can be asked. */
export const ofOurs = (title: string, judge: () => Promise<void>): void => {
  if (!isKeycloak) test(title, judge)
}
export const BASE_URL = KEYCLOAK ?? 'http://localhost:8085'
export const ISSUER = `${BASE_URL}/realms/jan`
export const SECRET = process.env.JAN_TEST_KEYCLOAK_CLIENT_SECRET ?? 'backend-secret'
export const PASSWORD = 'a-good-password'

/** A JSON answer, read as what the token endpoint gives; each test asserts the fields it reads. */
export type Body = {
  [field: string]: unknown
  access_token: string
  refresh_token: string
  id_token: string
  session_state: string
}
export type Answer = { status: number; headers: Headers; text: string; body: Body }
/** An entry of a list: a user, a role, a group or a key. */
export type Entry = { [field: string]: unknown; id: string; name: string; username: string }
type Claims = JWTPayload & { exp: number; iat: number; realm_access?: { roles: string[] } }

type Call = {
  method?: string
  form?: Record<string, string>
  json?: unknown
  raw?: string
  token?: string
  headers?: Record<string, string>
}

export type TestIdentity = Awaited<ReturnType<typeof startIdentity>>

/** A provider on a database of its own, or on a given one, as after a restart. */
export async function startIdentity(
  options: { database?: TestDatabase; realmFile?: string; mcpRedirectUris?: string[] } = {},
) {
  const database = options.database ?? (await createTestDatabase())
  const provider = await createIdentityProvider({
    realmFile: options.realmFile ?? REALM_FILE,
    baseUrl: BASE_URL,
    database: database.url,
    secrets: { JAN_BACKEND_CLIENT_SECRET: SECRET },
    mcpRedirectUris: options.mcpRedirectUris ?? [],
    masterAdmin: { username: 'admin', password: 'master-password' },
    hashCost: 16,
    production: false,
  })
  const { port } = await provider.listen(0)
  const url = KEYCLOAK ?? `http://127.0.0.1:${port}`
  const openid = `${url}/realms/jan/protocol/openid-connect`
  const keys = createRemoteJWKSet(new URL(`${openid}/certs`))
  let serviceToken: string | undefined

  const token = (form: Record<string, string>) => call(`${openid}/token`, { form })
  const service = async () => {
    serviceToken ??= (await token({ grant_type: 'client_credentials', client_id: 'backend', client_secret: SECRET }))
      .body.access_token as string
    return serviceToken
  }
  const admin = async (path: string, options: Call = {}) =>
    call(`${url}/admin/realms/jan${path}`, { token: await service(), ...options })

  return {
    url,
    openid,
    database,
    token,
    admin,
    /** The entries of a list of the admin API. */
    list: async (path: string) => (await admin(path)).body as unknown as Entry[],
    login: (username: string, more: Record<string, string> = {}) =>
      token({ grant_type: 'password', client_id: 'jan-client', username, password: PASSWORD, ...more }),
    refresh: (refreshToken: string, more: Record<string, string> = {}) =>
      token({ grant_type: 'refresh_token', client_id: 'jan-client', refresh_token: refreshToken, ...more }),
    userinfo: (accessToken: string | undefined) => call(`${openid}/userinfo`, { token: accessToken }),
    createUser: async (user: Record<string, unknown>): Promise<string> => {
      const credentials = [{ type: 'password', value: PASSWORD, temporary: false }]
      const create = () => admin('/users', { method: 'POST', json: { enabled: true, credentials, ...user } })
      let created = await create()
      if (created.status === 409 && isKeycloak) {
        const found = (await admin(`/users?username=${user.username}&exact=true`)).body as unknown as Entry[]
        for (const { id } of found) await admin(`/users/${id}`, { method: 'DELETE' })
        created = await create()
      }
      if (created.status !== 201) throw new Error(`no user: ${created.text}`)
      return String(created.headers.get('location')).split('/').at(-1) ?? ''
    },
    /** Claims of a token that verifies against the published keys. */
    verify: async (accessToken: string): Promise<Claims> =>
      (await jwtVerify<Claims>(accessToken, keys, { issuer: ISSUER, algorithms: ['RS256'] })).payload,
    stop: () => provider.close(),
    end: async () => {
      await provider.close()
      await database.drop()
    },
  }
}

export async function call(url: string, options: Call = {}): Promise<Answer> {
  const { form, json, raw, token } = options
  const headers = new Headers(options.headers)
  if (json !== undefined || raw !== undefined) headers.set('content-type', 'application/json')
  if (token) headers.set('authorization', `Bearer ${token}`)
  const body = form ? new URLSearchParams(form) : (raw ?? (json === undefined ? undefined : JSON.stringify(json)))
  const response = await fetch(url, { method: options.method ?? (body ? 'POST' : 'GET'), headers, body })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json')
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : {} }
}

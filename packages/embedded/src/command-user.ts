import { randomBytes } from 'node:crypto'
import type { Layout } from './layout.ts'
import { readSecrets } from './secrets.ts'

type Named = { id: string; name: string }
type NewPerson = { email: string; password: string; role: 'user' | 'admin' }
/** Where the platform is. */
type Place = { identityUrl: string; gatewayUrl: string; realm: string; backend: string; client: string }

const ADMIN_SCOPES = ['chat', 'responses', 'media', 'mcp', 'admin']

/**
 * Creates a person at the identity provider, with the rights of the platform's own service account, and an API key of
 * theirs. KEYCLOAK_BASE_URL, BACKEND_CLIENT_SECRET and GATEWAY_URL say where; by default it is what `make start` runs.
 * KEYCLOAK_REALM, BACKEND_CLIENT_ID and TARGET_CLIENT_ID are those of llm-api.
 * @throws Error saying what was refused
 */
export async function createUser(layout: Layout, env: NodeJS.ProcessEnv): Promise<void> {
  const { EMAIL: email, JSON: wantsJson } = env
  const role = env.ROLE || 'user'
  if (!email?.includes('@'))
    throw new Error('Say who: make user EMAIL=ada@example.com [PASSWORD=…] [ROLE=user|admin] [JSON=1]')
  if (role !== 'user' && role !== 'admin') throw new Error(`ROLE is user or admin, not ${role}`)
  const person: NewPerson = { email, role, password: env.PASSWORD || randomBytes(12).toString('base64url') }
  const place: Place = {
    identityUrl: env.KEYCLOAK_BASE_URL || `http://localhost:${layout.ports.identity}`,
    gatewayUrl: env.GATEWAY_URL || `http://localhost:${layout.ports.gateway}`,
    realm: env.KEYCLOAK_REALM || 'jan',
    backend: env.BACKEND_CLIENT_ID || 'backend',
    client: env.TARGET_CLIENT_ID || 'jan-client',
  }
  const secret = env.BACKEND_CLIENT_SECRET || readSecrets(layout.stateDir).backendClientSecret
  const id = await createPerson(place, secret, person)
  const key = await createKey(place, person).catch((error: Error) => error)
  const apiKey = key instanceof Error ? null : key
  console.log(
    wantsJson === '1'
      ? JSON.stringify({ email, password: person.password, user_id: id, api_key: apiKey })
      : describe(place, person, id, apiKey),
  )
  if (key instanceof Error) throw new Error(`There is ${email} now, but without an API key: ${key.message}`)
}

const describe = ({ gatewayUrl }: Place, { email, role, password }: NewPerson, id: string, apiKey: string | null) =>
  [
    `Created ${email} (${role}).`,
    `  password  ${password}`,
    `  user id   ${id}`,
    ...(apiKey
      ? [`  API key   ${apiKey}`, '', `curl ${gatewayUrl}/v1/models -H 'Authorization: Bearer ${apiKey}'`]
      : []),
  ].join('\n')

/** @returns the person's id */
async function createPerson(place: Place, secret: string, { email, password, role }: NewPerson): Promise<string> {
  const grant = { grant_type: 'client_credentials', client_id: place.backend, client_secret: secret }
  const token = await tokenFor(place, grant, 'The identity provider does not know the service account')
  const admin = (method: string, path: string, body?: unknown) =>
    send(`${place.identityUrl}/admin/realms/${place.realm}${path}`, { method, token, body })
  const created = await admin('POST', '/users', {
    username: email,
    email,
    enabled: true,
    emailVerified: true,
    credentials: [{ type: 'password', value: password, temporary: false }],
  })
  if (created.status === 409) throw new Error(`There is already a user ${email}`)
  const id = created.headers.get('location')?.split('/').at(-1)
  if (created.status !== 201 || !id) throw new Error(`The identity provider refused: ${await reasonOf(created)}`)
  const available = (await (await admin('GET', `/users/${id}/role-mappings/realm/available`)).json()) as Named[]
  const roles = available.filter(({ name }) => name === 'user' || name === role)
  const given = await admin(
    'POST',
    `/users/${id}/role-mappings/realm`,
    roles.map((each) => ({ id: each.id, name: each.name })),
  )
  if (!given.ok) throw new Error(`The role could not be given: ${await reasonOf(given)}`)
  return id
}

/** As the person would: an admin's key may do everything. @returns the key */
async function createKey(place: Place, { email, password, role }: NewPerson): Promise<string> {
  const grant = { grant_type: 'password', client_id: place.client, scope: 'openid', username: email, password }
  const token = await tokenFor(place, grant, 'The new password does not sign in')
  const body = { name: 'made by make user', ...(role === 'admin' ? { scopes: ADMIN_SCOPES } : {}) }
  const made = await send(`${place.gatewayUrl}/auth/api-keys`, { method: 'POST', token, body })
  if (made.status !== 201) throw new Error(await reasonOf(made))
  return ((await made.json()) as { key: string }).key
}

async function tokenFor({ identityUrl, realm }: Place, form: Record<string, string>, refusal: string): Promise<string> {
  const granted = await send(`${identityUrl}/realms/${realm}/protocol/openid-connect/token`, { method: 'POST', form })
  if (!granted.ok) throw new Error(`${refusal}: ${await reasonOf(granted)}`)
  return ((await granted.json()) as { access_token: string }).access_token
}

type Sent = { method: string; token?: string; body?: unknown; form?: Record<string, string> }

function send(url: string, { method, token, body, form }: Sent): Promise<Response> {
  const headers = {
    ...(token ? { authorization: `Bearer ${token}` } : {}),
    ...(body ? { 'content-type': 'application/json' } : {}),
  }
  const sent = form ? new URLSearchParams(form) : body === undefined ? null : JSON.stringify(body)
  return fetch(url, { method, headers, body: sent }).catch(() => {
    throw new Error(`${new URL(url).origin} does not answer; is the platform up? (make start)`)
  })
}

async function reasonOf(response: Response): Promise<string> {
  const text = await response.text()
  try {
    const { error_description, errorMessage, error } = JSON.parse(text)
    return error_description ?? errorMessage ?? error?.message ?? error ?? text
  } catch {
    return text || String(response.status)
  }
}

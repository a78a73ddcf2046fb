import { randomBytes } from 'node:crypto'
import type { Layout } from './layout.ts'
import { readSecrets } from './secrets.ts'

type Role = { id: string; name: string }

/** Creates a person at the identity provider, with the rights of the platform's own service account. @throws Error saying what was refused */
export async function createUser(layout: Layout, env: NodeJS.ProcessEnv): Promise<void> {
  const { EMAIL: email, JSON: wantsJson } = env
  const role = env.ROLE || 'user'
  if (!email?.includes('@'))
    throw new Error('Say who: make user EMAIL=ada@example.com [PASSWORD=…] [ROLE=user|admin] [JSON=1]')
  if (role !== 'user' && role !== 'admin') throw new Error(`ROLE is user or admin, not ${role}`)
  const password = env.PASSWORD || randomBytes(12).toString('base64url')
  const admin = await adminOf(layout)
  const created = await admin('POST', '/users', {
    username: email,
    email,
    enabled: true,
    emailVerified: true,
    credentials: [{ type: 'password', value: password, temporary: false }],
  })
  const id = created.headers.get('location')?.split('/').at(-1)
  if (created.status !== 201 || !id)
    throw new Error(
      created.status === 409
        ? `There is already a user ${email}`
        : `The identity provider refused: ${await reasonOf(created)}`,
    )
  const available = (await (await admin('GET', `/users/${id}/role-mappings/realm/available`)).json()) as Role[]
  const wanted = available
    .filter(({ name }) => name === 'user' || name === role)
    .map(({ id: roleId, name }) => ({ id: roleId, name }))
  const mapped = await admin('POST', `/users/${id}/role-mappings/realm`, wanted)
  if (!mapped.ok) throw new Error(`The role could not be given: ${await reasonOf(mapped)}`)
  console.log(
    wantsJson === '1'
      ? JSON.stringify({ email, password, user_id: id, api_key: null })
      : `Created ${email} (${role}).\n  password  ${password}\n  user id   ${id}\n\n${tokenLine(layout, email)}`,
  )
}

/** How to come by a token of theirs. */
const tokenLine = ({ ports }: Layout, email: string) =>
  `TOKEN=$(curl -s http://localhost:${ports.identity}/realms/jan/protocol/openid-connect/token -d grant_type=password -d client_id=jan-client -d scope=openid -d username=${email} --data-urlencode 'password=…' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')`

type Admin = (method: string, path: string, body?: unknown) => Promise<Response>

async function adminOf(layout: Layout): Promise<Admin> {
  const base = `http://localhost:${layout.ports.identity}`
  const grant = await fetch(`${base}/realms/jan/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: 'backend',
      client_secret: readSecrets(layout.stateDir).backendClientSecret,
    }),
  }).catch(() => {
    throw new Error('The identity provider does not answer; is the platform up? (make start)')
  })
  if (!grant.ok) throw new Error(`The identity provider does not know the service account: ${await reasonOf(grant)}`)
  const { access_token: token } = (await grant.json()) as { access_token: string }
  return (method, path, body) =>
    fetch(`${base}/admin/realms/jan${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
}

async function reasonOf(response: Response): Promise<string> {
  const text = await response.text()
  try {
    const { error_description, errorMessage, error } = JSON.parse(text) as Record<string, string>
    return error_description ?? errorMessage ?? error ?? text
  } catch {
    return text || String(response.status)
  }
}

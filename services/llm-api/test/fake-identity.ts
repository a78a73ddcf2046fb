import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { serve } from '@jan/testkit/serve'
import type { TokenIssuer } from '@jan/testkit/tokens'
import { sendJson } from './fake-provider.ts'

type User = { id: string; username: string; password: string; attributes: unknown; groups: string[] }

export type FakeIdentity = {
  url: string
  users: Map<string, User>
  /** How often the service account signed in. */
  backendLogins: number
  /** When set, answers instead of the ordinary behaviour. */
  intercept: ((grantOrMethod: string, response: ServerResponse) => boolean) | undefined
  /** Forgets every token of the service account, as a restart with new keys does. */
  forgetTokens(): void
  close(): Promise<void>
}

const TOKEN = '/realms/jan/protocol/openid-connect/token'
const USERS = '/admin/realms/jan/users'

/** Keycloak's answers to the few calls that this service makes; refresh tokens are single use. */
export async function startFakeIdentity(issuer: TokenIssuer, port = 0): Promise<FakeIdentity> {
  const users = new Map<string, User>()
  const backendTokens = new Set<string>()
  const refreshTokens = new Map<string, User>()
  const fake = { users, backendLogins: 0, intercept: undefined as FakeIdentity['intercept'] }

  const grantTokens = async (response: ServerResponse, user: User) => {
    const refresh = `opaque-${randomUUID()}`
    refreshTokens.set(refresh, user)
    const access = await issuer.token(user.id, {
      preferred_username: user.username,
      realm_access: { roles: ['guest'] },
    })
    sendJson(response, 200, { access_token: access, refresh_token: refresh, expires_in: 3600, token_type: 'Bearer' })
  }
  const invalidGrant = (response: ServerResponse, why: string) =>
    sendJson(response, 400, { error: 'invalid_grant', error_description: why })

  const onToken = async (form: URLSearchParams, response: ServerResponse) => {
    switch (form.get('grant_type')) {
      case 'client_credentials': {
        if (form.get('client_secret') !== 'test-secret')
          return sendJson(response, 401, { error: 'unauthorized_client' })
        fake.backendLogins += 1
        const token = randomUUID()
        backendTokens.add(token)
        return sendJson(response, 200, { access_token: token, expires_in: 300, token_type: 'Bearer' })
      }
      case 'password': {
        const user = [...users.values()].find((each) => each.username === form.get('username'))
        if (!user || user.password !== form.get('password') || form.get('client_id') !== 'jan-client')
          return invalidGrant(response, 'Invalid user credentials')
        return grantTokens(response, user)
      }
      case 'refresh_token': {
        const user = refreshTokens.get(form.get('refresh_token') ?? '')
        if (!user) return invalidGrant(response, 'Invalid refresh token')
        refreshTokens.delete(form.get('refresh_token')!)
        return grantTokens(response, user)
      }
      default:
        return sendJson(response, 400, { error: 'unsupported_grant_type' })
    }
  }

  const served = await serve(async (request, response) => {
    const body = await text(request)
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const form = new URLSearchParams(body)
    const kind = pathname === TOKEN ? (form.get('grant_type') ?? '') : `${request.method} users`
    if (fake.intercept?.(kind, response)) return
    if (pathname.endsWith('/.well-known/openid-configuration')) return sendJson(response, 200, {})
    if (pathname === TOKEN) return onToken(form, response)
    if (pathname.endsWith('/logout'))
      return refreshTokens.delete(form.get('refresh_token') ?? '')
        ? response.writeHead(204).end()
        : invalidGrant(response, 'Invalid refresh token')
    if (!backendTokens.has(request.headers.authorization?.slice('Bearer '.length) ?? ''))
      return sendJson(response, 401, { error: 'HTTP 401 Unauthorized' })
    if (request.method === 'POST' && pathname === USERS) {
      const { credentials, ...rest } = JSON.parse(body)
      const user: User = { ...rest, id: randomUUID(), password: credentials[0].value }
      users.set(user.id, user)
      return response.writeHead(201, { location: `http://localhost:8085${USERS}/${user.id}` }).end()
    }
    if (request.method === 'DELETE' && users.delete(pathname.split('/').at(-1)!)) return response.writeHead(204).end()
    return sendJson(response, 404, { error: 'User not found' })
  }, port)
  return Object.assign(fake, { url: served.url, forgetTokens: () => backendTokens.clear(), close: served.close })
}

import type { Deps } from './deps.ts'
import { oauthError } from './http-error.ts'
import { verifyPassword } from './passwords.ts'
import type { RealmClient } from './realm-file.ts'
import type { RefreshVerdict, Session } from './sessions.store.ts'
import { accessTokenClaims, epochSeconds, idTokenClaims, type Subject } from './tokens.ts'
import type { User } from './users.store.ts'

export type Form = Record<string, string>
type Grant = (deps: Deps, client: RealmClient, form: Form) => Promise<Record<string, unknown>>

/** What the token endpoint can do, by `grant_type`. The client is authenticated already. */
export const GRANTS = new Map<string, Grant>([
  ['password', grantPassword],
  ['refresh_token', grantRefreshToken],
  ['client_credentials', grantClientCredentials],
])

const invalidGrant = (description: string) => oauthError(400, 'invalid_grant', description)

async function grantPassword(deps: Deps, client: RealmClient, form: Form) {
  if (!client.directAccessGrantsEnabled) {
    throw oauthError(400, 'unauthorized_client', 'Client not allowed for direct access grants')
  }
  const scope = grantedScope(form.scope)
  if (form.username === undefined) throw oauthError(401, 'invalid_request', 'Missing parameter: username')
  const user = await findByLogin(deps, form.username)
  const matches = await verifyPassword(form.password ?? '', user?.passwordHash ?? deps.nobodysHash)
  if (!user?.passwordHash || !matches) throw invalidGrant('Invalid user credentials')
  if (!user.enabled) throw invalidGrant('Account disabled')
  if (user.requiredActions.length > 0) throw invalidGrant('Account is not fully set up')
  const now = epochSeconds()
  const session = await deps.sessions.start(user.id, now, sessionEnd(deps, client, now, now))
  return issueTokens(deps, { client, user, session }, scope)
}

async function findByLogin({ users }: Deps, login: string): Promise<User | undefined> {
  const name = login.trim().toLowerCase()
  return (name.includes('@') ? await users.findByEmail(name) : undefined) ?? (await users.findByUsername(name))
}

const REFUSALS: Record<Exclude<RefreshVerdict, 'accepted'>, string> = {
  reused: 'Maximum allowed refresh token reuse exceeded',
  stale: 'Stale token',
  detached: "Session doesn't have required client",
  ended: 'Session not active',
}

async function grantRefreshToken(deps: Deps, client: RealmClient, form: Form) {
  if (!form.refresh_token) throw oauthError(400, 'invalid_request', 'No refresh token')
  const token = await findRefreshToken(deps, client, form.refresh_token)
  if (token.isExpired) throw invalidGrant('Token is not active')
  const session = await deps.sessions.find(token.sid)
  const user = await deps.users.find(token.accountId)
  if (!session || !user) throw invalidGrant(REFUSALS.ended)
  if (!user.enabled) throw invalidGrant('User disabled')
  const requested = grantedScope(form.scope ?? token.scope)
  const scope = token.scope.startsWith('openid') ? requested : requested.replace(/^openid /, '')
  const now = epochSeconds()
  const expiresAt = sessionEnd(deps, client, session.startedAt, now)
  const verdict = await deps.sessions.useRefreshToken({
    sid: session.sid,
    token: token.jti,
    issuedAt: token.iat,
    now,
    maxReuse: deps.realm.refreshTokenMaxReuse,
    expiresAt,
  })
  if (verdict !== 'accepted') throw invalidGrant(REFUSALS[verdict])
  return issueTokens(deps, { client, user, session: { ...session, expiresAt } }, scope, token.scope)
}

/**
 * A refresh token as stored, spent or not, of a living session or not.
 * @throws HttpError 400 when there is none, or when it belongs to another client
 */
export async function findRefreshToken({ provider }: Deps, client: RealmClient, value: string) {
  const token = await provider.RefreshToken.find(value, { ignoreExpiration: true })
  if (!token?.sid || !token.scope) throw invalidGrant('Invalid refresh token')
  if (token.clientId !== client.clientId) {
    throw invalidGrant("Invalid refresh token. Token client and authorized client don't match")
  }
  const { jti, iat, sid, scope, accountId, isExpired } = token
  return { jti, iat, sid, scope, accountId, isExpired }
}

async function grantClientCredentials(deps: Deps, client: RealmClient, form: Form) {
  if (client.publicClient)
    throw oauthError(401, 'unauthorized_client', 'Public client not allowed to retrieve service account')
  const user = client.serviceAccountsEnabled ? await deps.users.findServiceAccount(client.clientId) : undefined
  if (!user?.enabled) throw oauthError(401, 'unauthorized_client', 'Client not enabled to retrieve service account')
  return issueTokens(deps, { client, user }, grantedScope(form.scope))
}

const ALWAYS_GRANTED = ['profile', 'email']
/** Default scopes of every client that do not show up in the token's `scope`. */
const SILENT = ['basic', 'roles', 'web-origins', 'acr']

function grantedScope(requested = ''): string {
  const names = requested.split(' ').filter(Boolean)
  const unknown = names.some((name) => name !== 'openid' && !ALWAYS_GRANTED.includes(name) && !SILENT.includes(name))
  if (unknown) throw oauthError(400, 'invalid_scope', `Invalid scopes: ${requested}`)
  return [...(names.includes('openid') ? ['openid'] : []), ...ALWAYS_GRANTED].join(' ')
}

/** The session lives on with each refresh, but never beyond its longest life. */
function sessionEnd({ realm }: Deps, client: RealmClient, startedAt: number, now: number): number {
  return Math.min(now + client.sessionIdleTimeout, startedAt + realm.ssoSessionMaxLifespan)
}

/** @param refreshScope what the next refresh token stands for: a narrower scope counts for one answer only */
async function issueTokens(deps: Deps, subject: Subject, scope: string, refreshScope = scope) {
  const { realm, signer, issuer } = deps
  const { client, user, session } = subject
  const rest = session ? session.expiresAt - epochSeconds() : undefined
  const lifetime = Math.min(client.accessTokenLifespan, rest ?? client.accessTokenLifespan)
  const accessToken = await signer.sign(issuer, lifetime, accessTokenClaims(realm, subject, scope))
  const idToken =
    scope.startsWith('openid') && (await signer.sign(issuer, lifetime, idTokenClaims(subject, accessToken)))
  return {
    access_token: accessToken,
    expires_in: lifetime,
    refresh_expires_in: rest ?? 0,
    ...(session ? { refresh_token: await issueRefreshToken(deps, client, session, refreshScope) } : {}),
    token_type: 'Bearer',
    ...(idToken ? { id_token: idToken } : {}),
    'not-before-policy': user.notBefore,
    ...(session ? { session_state: session.sid } : {}),
    scope,
  }
}

async function issueRefreshToken({ provider }: Deps, { clientId }: RealmClient, session: Session, scope: string) {
  const client = await provider.Client.find(clientId)
  if (!client) throw new Error(`Client ${clientId} is not registered`)
  const token = new provider.RefreshToken({
    client,
    accountId: session.userId,
    grantId: session.sid,
    sid: session.sid,
    scope,
    gty: 'password',
    expiresIn: session.expiresAt - epochSeconds(),
  })
  return token.save()
}

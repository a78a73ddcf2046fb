import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { Deps } from './deps.ts'
import { answerOf, HttpError, oauthError } from './http-error.ts'
import { csrfOf } from './login-form.ts'
import { loginPage, PAGE_HEADERS } from './login-page.ts'
import { clientOf } from './provider.ts'
import { accessTokenClaims, halfHash, personClaims } from './tokens.ts'
import type { User } from './users.store.ts'

type Context = KoaContextWithOIDC
type ProviderDeps = Omit<Deps, 'provider'>
type LibraryError = Error & { error?: string; error_detail?: string; error_description?: string; expose?: boolean }

const REFUSED_CLIENT = 'Invalid client or Invalid client credentials'

/** What the library says of a refused request, and what Keycloak says: `invalid_grant` with 400, unless told otherwise. */
const TEXTS: Record<string, string | [status: number, error: string, description: string]> = {
  'no client authentication mechanism provided': [401, 'invalid_client', REFUSED_CLIENT],
  'client not found': [401, 'invalid_client', REFUSED_CLIENT],
  'invalid secret provided': [401, 'unauthorized_client', REFUSED_CLIENT],
  'client_secret must be provided in the Authorization header': [401, 'unauthorized_client', REFUSED_CLIENT],
  'the provided authentication mechanism does not match the registered client authentication method': [
    401,
    'unauthorized_client',
    REFUSED_CLIENT,
  ],
  'refresh token not found': 'Invalid refresh token',
  'refresh token is expired': 'Token is not active',
  'RefreshToken already used': 'Maximum allowed refresh token reuse exceeded',
  'grant not found': 'Session not active',
  'grant is expired': 'Session not active',
  'refresh token invalid (referenced account not found)': 'Session not active',
  'authorization code not found': 'Code not valid',
  'authorization code is expired': 'Code not valid',
  'AuthorizationCode already used': 'Code not valid',
  'authorization code redirect_uri mismatch': 'Incorrect redirect_uri',
  'code_verifier must be provided': 'PKCE code verifier not specified',
  'code_verifier does not match code_challenge': 'PKCE verification failed: Code mismatch',
}
const NOT_ALLOWED: Record<string, [number, string]> = {
  password: [400, 'Client not allowed for direct access grants'],
  client_credentials: [401, 'Public client not allowed to retrieve service account'],
}

/** Turns what the library answers into what Keycloak answers. */
export function answerLikeKeycloak(deps: ProviderDeps, provider: Provider): void {
  for (const event of ['grant.error', 'revocation.error', 'userinfo.error', 'server_error'])
    provider.on(event as 'grant.error', (ctx, error) => void Object.assign(ctx.state, { error }))
  provider.on('authorization.success', (ctx, out = {}) => {
    out.session_state = ctx.oidc.session?.grantIdFor(String(ctx.oidc.client?.clientId))
  })
  provider.use(async (context, next) => {
    await next()
    const ctx = context as unknown as Context
    const { route, session } = ctx.oidc ?? {}
    if (ctx.state.error && route !== 'authorization' && route !== 'resume') return refuse(provider, ctx)
    if (route === 'token') await finishTokens(deps, ctx)
    if (route === 'revocation') finishRevocation(ctx)
    if (route === 'end_session' && ctx.oidc.entities.IdTokenHint && ctx.status === 200) await endByHint(deps, ctx)
    if (route === 'end_session_confirm' && (session as { destroyed?: boolean } | undefined)?.destroyed)
      for (const login of Object.values(session?.authorizations ?? {})) await deps.sessions.end(String(login?.grantId))
    if (ctx.status === 303) ctx.status = 302
    if (route === 'authorization' && ctx.oidc.entities.Interaction) showLogin(deps, ctx)
    // A page of the library's that submits itself brings its own policy.
    if (String(ctx.type).includes('html') && !String(ctx.body).includes('<script')) ctx.set(PAGE_HEADERS)
    if (route === 'jwks') ctx.set('Cache-Control', 'no-cache')
  })
}

function showLogin({ issuer, formSecret }: ProviderDeps, ctx: Context): void {
  const uid = String(ctx.oidc.entities.Interaction?.uid)
  ctx.remove('Location')
  ctx.status = 200
  ctx.type = 'html'
  ctx.body = loginPage({ action: `${issuer}/protocol/openid-connect/auth/${uid}`, csrf: csrfOf(formSecret, uid) })
}

async function refuse(provider: Provider, ctx: Context): Promise<void> {
  const { status, body, headers } = await translate(provider, ctx, ctx.state.error)
  ctx.remove('WWW-Authenticate')
  ctx.set(headers)
  if (body === undefined) ctx.type = 'text'
  ctx.body = body ?? ''
  ctx.status = status
}

async function translate(provider: Provider, ctx: Context, failure: LibraryError): Promise<HttpError> {
  if (!failure.expose) return answerOf(failure)
  const form = (ctx.oidc.body ?? {}) as Record<string, string>
  const why = failure.error_detail ?? failure.error_description ?? ''
  if (why.startsWith('origin ')) return new HttpError(403, { error: 'Invalid origin' })
  if (ctx.oidc.route === 'userinfo') return refuseBearer(why)
  // A failed try burns the code.
  if (form.code && ctx.oidc.client) await (await provider.AuthorizationCode.find(form.code))?.destroy()
  const refusal = NOT_ALLOWED[form.grant_type ?? '']
  if (why.startsWith('requested grant type is not allowed') && refusal)
    return oauthError(refusal[0], 'unauthorized_client', refusal[1])
  const text = TEXTS[why] ?? (why === 'client mismatch' ? await mismatch(provider, ctx, form) : undefined)
  if (Array.isArray(text)) return oauthError(...text)
  if (text) return oauthError(400, 'invalid_grant', text)
  if (why.startsWith('code_verifier'))
    return oauthError(400, 'invalid_grant', 'PKCE verification failed: Invalid code verifier')
  return oauthError(400, String(failure.error), why)
}

async function mismatch(provider: Provider, { oidc }: Context, form: Record<string, string>): Promise<string> {
  if (!form.refresh_token) return 'Auth error: Found different client_id in clientSession'
  const token = await provider.RefreshToken.find(form.refresh_token, { ignoreExpiration: true })
  return token?.clientId === oidc.client?.clientId
    ? "Session doesn't have required client"
    : "Invalid refresh token. Token client and authorized client don't match"
}

/** Userinfo refuses with a header and no body. */
function refuseBearer(why: string): HttpError {
  const [status, details] = why.startsWith('access token missing openid')
    ? [403, ', error="insufficient_scope", error_description="Missing openid scope"']
    : why.startsWith('no access token')
      ? [401, '']
      : [401, `, error="invalid_token", error_description="${BEARER_TEXTS[why] ?? 'user_session_not_found'}"`]
  return new HttpError(status as number, undefined, { 'WWW-Authenticate': `Bearer realm="jan"${details}` })
}
const BEARER_TEXTS: Record<string, string> = {
  'access token not found': 'Token verification failed',
  'User disabled': 'User disabled',
}

/** The library's tokens are opaque; people get JWTs that name them by `jti`. */
async function finishTokens(deps: ProviderDeps, ctx: Context): Promise<void> {
  const { client: found, entities } = ctx.oidc
  const { AccessToken, ClientCredentials, RefreshToken, Account } = entities
  const client = clientOf(deps, String(found?.clientId))
  const user = (Account?.user as User | undefined) ?? (await deps.users.findServiceAccount(String(client?.clientId)))
  const token = AccessToken ?? ClientCredentials
  if (!client || !user || !token) throw new Error('A token was granted to nobody')
  const body = ctx.body as { expires_in: number; refresh_token?: string; scope: string }
  const iat = Math.floor(Date.now() / 1000)
  const sid = AccessToken?.grantId
  const common = { iat, exp: iat + body.expires_in, iss: deps.issuer, sid, auth_time: RefreshToken?.authTime }
  const { scope } = body
  const claims = { ...common, jti: token.jti, scope, ...accessTokenClaims(deps.realm, client, user) }
  const accessToken = await deps.signer.sign(claims)
  const id = {
    sub: user.id,
    aud: client.clientId,
    azp: client.clientId,
    typ: 'ID',
    acr: '1',
    nonce: RefreshToken?.nonce,
  }
  ctx.body = {
    access_token: accessToken,
    expires_in: body.expires_in,
    refresh_expires_in: RefreshToken?.expiration ?? 0,
    refresh_token: body.refresh_token,
    token_type: 'Bearer',
    id_token: scope.startsWith('openid')
      ? await deps.signer.sign({ ...common, ...id, at_hash: halfHash(accessToken), ...personClaims(client, user) })
      : undefined,
    'not-before-policy': user.notBefore,
    session_state: sid,
    scope,
  }
}

/** One endpoint of the library serves two of Keycloak's: revocation, and logout by refresh token. */
function finishRevocation(ctx: Context): void {
  const isLogout = isBackchannelLogout(ctx)
  if (isLogout && ctx.state.known) ctx.status = 204
  else if (isLogout) {
    ctx.status = 400
    ctx.body = { error: 'invalid_grant', error_description: 'Invalid refresh token' }
  } else if (!ctx.state.ended) ctx.body = { error: 'invalid_token', error_description: 'Invalid token' }
}
const isBackchannelLogout = ({ req }: Context) =>
  /\/logout$/.test(String((req as { originalUrl?: string }).originalUrl))

/** Whoever shows their id token is signed out without being asked. */
async function endByHint({ sessions }: ProviderDeps, ctx: Context): Promise<void> {
  const { payload } = ctx.oidc.entities.IdTokenHint as { payload: { sid?: string } }
  const { post_logout_redirect_uri: target, state } = ctx.oidc.params as Record<string, string | undefined>
  await sessions.end(String(payload.sid))
  if (!target) return
  const url = new URL(target)
  if (state) url.searchParams.set('state', state)
  ctx.redirect(url.href)
}

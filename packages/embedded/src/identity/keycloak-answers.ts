import type { Request } from 'express'
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import type { BaseDeps } from './deps.ts'
import { answerOf, HttpError, oauthError } from './http-error.ts'
import { errorPage, PAGE_HEADERS, showForm } from './login-page.ts'
import { clientOf } from './provider.ts'
import { accessTokenClaims, personClaims } from './tokens.ts'
import type { User } from './users.store.ts'

type Context = KoaContextWithOIDC

/** What the library says of a refused grant, and what Keycloak says. */
const GRANT_TEXTS: Record<string, string> = {
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
/** Endpoints whose errors are no pages. */
const ANSWERED = ['token', 'revocation', 'userinfo']

/** Turns what the library answers into what Keycloak answers. */
export function answerLikeKeycloak(deps: BaseDeps, provider: Provider): void {
  provider.on('authorization.success', (ctx, out = {}) => {
    out.session_state = ctx.oidc.session?.grantIdFor(String(ctx.oidc.client?.clientId))
  })
  provider.use(async (context, next) => {
    await next()
    const ctx = context as unknown as Context
    if (!ctx.oidc) return leaveToExpress(ctx)
    const { route, session, entities } = ctx.oidc
    if (ctx.status < 400) {
      if (route === 'token') await finishTokens(deps, ctx)
      if (route === 'userinfo') describePerson(deps, ctx)
      if (route === 'revocation') finishRevocation(ctx)
      if (route === 'end_session' && entities.IdTokenHint) await endByHint(deps, ctx)
      if (route === 'end_session_confirm' && session) await endAll(deps, session)
      if (route === 'authorization' && entities.Interaction) showLogin(deps, ctx)
    }
    if (ctx.status === 303) ctx.status = 302
    // A page of the library's that submits itself brings its own policy.
    if (String(ctx.type).includes('html') && !String(ctx.body).includes('<script')) ctx.set(PAGE_HEADERS)
    if (route === 'jwks') ctx.set('Cache-Control', 'no-cache')
  })
}

function showLogin(deps: BaseDeps, ctx: Context): void {
  ctx.remove('Location')
  ctx.status = 200
  ctx.type = 'html'
  ctx.body = showForm(deps, String(ctx.oidc.entities.Interaction?.uid))
}

/** Leaves the answer to express: an error as it writes them, without one whatever comes after the library. */
function leaveToExpress(ctx: Context, error?: HttpError): void {
  ctx.respond = false
  ctx.remove('Content-Type')
  const { next } = ctx.req as Request
  next?.(error)
}

/** Answers an error of the library: in Keycloak's words, or as a page. */
export async function renderError(provider: Provider, ctx: Context, error: Error): Promise<void> {
  if (ANSWERED.includes(ctx.oidc.route)) return leaveToExpress(ctx, await translate(provider, ctx, error))
  ctx.type = 'html'
  ctx.body = errorPage((error instanceof errors.OIDCProviderError && error.error_description) || 'server_error')
}

async function translate(provider: Provider, ctx: Context, failure: Error): Promise<HttpError> {
  if (!(failure instanceof errors.OIDCProviderError) || !failure.expose) return answerOf(failure)
  const form = (ctx.oidc.body ?? {}) as Record<string, string>
  const why = failure.error_detail ?? failure.error_description ?? ''
  if (why.startsWith('origin ')) return new HttpError(403, { error: 'Invalid origin' })
  if (ctx.oidc.route === 'userinfo') return refuseBearer(failure)
  // A failed try burns the code.
  if (form.code && ctx.oidc.client) await (await provider.AuthorizationCode.find(form.code))?.destroy()
  const isUnknown = why === 'client not found' || why.startsWith('no client authentication')
  if (isUnknown || failure.error === 'invalid_client' || why.startsWith('client_secret must be')) {
    const name = isUnknown ? 'invalid_client' : 'unauthorized_client'
    return oauthError(401, name, 'Invalid client or Invalid client credentials')
  }
  if (why.startsWith('requested grant type is not allowed'))
    return form.grant_type === 'client_credentials'
      ? oauthError(401, 'unauthorized_client', 'Public client not allowed to retrieve service account')
      : oauthError(400, 'unauthorized_client', 'Client not allowed for direct access grants')
  const text = GRANT_TEXTS[why] ?? (why === 'client mismatch' ? await mismatch(provider, ctx, form) : undefined)
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
function refuseBearer({ error, statusCode }: errors.OIDCProviderError): HttpError {
  const isMissing = error === 'invalid_request'
  const header = `Bearer realm="jan"${isMissing ? '' : `, error="${error}"`}`
  return new HttpError(isMissing ? 401 : statusCode, undefined, { 'WWW-Authenticate': header })
}

/** The library's tokens are opaque; people get JWTs that name them by `jti`. */
async function finishTokens(deps: BaseDeps, ctx: Context): Promise<void> {
  const { AccessToken, ClientCredentials, RefreshToken, Account } = ctx.oidc.entities
  const client = clientOf(deps, ctx.oidc.client?.clientId)
  const user = (Account?.user as User | undefined) ?? (await deps.users.findServiceAccount(String(client?.clientId)))
  const token = AccessToken ?? ClientCredentials
  if (!client || !user || !token) throw new Error('A token was granted to nobody')
  const { expires_in, refresh_token, scope } = ctx.body as { expires_in: number; refresh_token?: string; scope: string }
  const iat = Math.floor(Date.now() / 1000)
  const sid = AccessToken?.grantId
  const common = { iat, exp: iat + expires_in, iss: deps.issuer, sid, auth_time: RefreshToken?.authTime }
  const access = { ...common, jti: token.jti, scope, ...accessTokenClaims(deps.realm, client, user) }
  const id = { sub: user.id, aud: client.clientId, azp: client.clientId, typ: 'ID', nonce: RefreshToken?.nonce }
  ctx.body = {
    access_token: await deps.signer.sign(access),
    expires_in,
    refresh_expires_in: RefreshToken?.expiration ?? 0,
    refresh_token,
    token_type: 'Bearer',
    id_token: scope.startsWith('openid')
      ? await deps.signer.sign({ ...common, ...id, ...personClaims(client, user) })
      : undefined,
    'not-before-policy': user.notBefore,
    session_state: sid,
    scope,
  }
}

/** Userinfo says what the token of the same moment would. */
function describePerson(deps: BaseDeps, ctx: Context): void {
  const { user } = ctx.oidc.entities.Account as unknown as { user: User }
  const client = clientOf(deps, ctx.oidc.client?.clientId)
  if (client) ctx.body = { sub: user.id, ...personClaims(client, user) }
}

/** One endpoint of the library serves two of Keycloak's: revocation, and logout by refresh token. */
function finishRevocation(ctx: Context): void {
  const { originalUrl = '' } = ctx.req as { originalUrl?: string }
  if (!originalUrl.endsWith('/logout')) {
    if (!ctx.state.ended) ctx.body = { error: 'invalid_token', error_description: 'Invalid token' }
  } else if (ctx.oidc.entities.RefreshToken) ctx.status = 204
  else leaveToExpress(ctx, oauthError(400, 'invalid_grant', 'Invalid refresh token'))
}

/** Whoever shows their id token is signed out without being asked. */
async function endByHint({ sessions }: BaseDeps, ctx: Context): Promise<void> {
  const { payload } = ctx.oidc.entities.IdTokenHint as { payload: { sid?: string } }
  const { post_logout_redirect_uri: target, state } = ctx.oidc.params as Record<string, string | undefined>
  await sessions.end(String(payload.sid))
  if (!target) return
  const url = new URL(target)
  if (state) url.searchParams.set('state', state)
  ctx.redirect(url.href)
}

/** Signing out of the browser ends every login that began in it. */
async function endAll({ sessions }: BaseDeps, { authorizations = {} }: NonNullable<Context['oidc']['session']>) {
  for (const login of Object.values(authorizations)) await sessions.end(String(login?.grantId))
}

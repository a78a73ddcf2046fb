import type { JWK } from 'jose'
import {
  type AdapterFactory,
  type ClientMetadata,
  type Configuration,
  errors,
  interactionPolicy,
  type KoaContextWithOIDC,
  Provider,
} from 'oidc-provider'
import type { Deps } from './deps.ts'
import { oauthError } from './http-error.ts'
import { answerLikeKeycloak } from './keycloak-answers.ts'
import { errorPage, logoutPage, page } from './login-page.ts'
import type { RealmClient } from './realm-file.ts'
import { signIn } from './sign-in.ts'
import { personClaims } from './tokens.ts'
import type { User } from './users.store.ts'

export const ENDPOINT = '/protocol/openid-connect'
/** What every token may be used for; a request adds `openid` or does not. */
const SCOPES = 'openid profile email'

export const clientOf = ({ realm }: Pick<Deps, 'realm'>, id: string): RealmClient | undefined =>
  realm.clients.find(({ clientId }) => clientId === id)

/**
 * The OpenID library, set up for the realm: it does the protocol and keeps sessions, codes and tokens.
 * @param keys private, newest first
 * @throws Error when the library refuses one of the realm's clients
 */
export async function createOidcProvider(
  deps: Omit<Deps, 'provider'>,
  keys: JWK[],
  adapter: AdapterFactory,
): Promise<Provider> {
  const { realm, users, issuer, formSecret } = deps
  const policy = interactionPolicy.base()
  // Its clients are the platform's own: nobody is asked whether they may.
  policy.remove('consent')
  const mapped = realm.clients.flatMap(({ protocolMappers }) =>
    protocolMappers.flatMap(({ config }) => config['claim.name'] ?? []),
  )
  const path = new URL(issuer).pathname
  const provider: Provider = new Provider(issuer, {
    adapter,
    jwks: { keys },
    clients: realm.clients.map(clientMetadata),
    scopes: SCOPES.split(' '),
    claims: {
      openid: ['sub'],
      profile: ['name', 'given_name', 'family_name', 'preferred_username', ...mapped],
      email: ['email', 'email_verified'],
    },
    responseTypes: ['code'],
    pkce: { required: () => true },
    issueRefreshToken: async () => true,
    rotateRefreshToken: true,
    // A login outlives the browser's session until somebody ends it.
    expiresWithSession: async () => false,
    revokeGrantPolicy: ({ oidc }) => oidc.route !== 'revocation' || !oidc.entities.AccessToken,
    clientBasedCORS: (_, origin, client) => clientOf(deps, client.clientId)?.webOrigins.includes(origin) ?? false,
    routes: {
      ...{ authorization: `${ENDPOINT}/auth`, token: `${ENDPOINT}/token`, jwks: `${ENDPOINT}/certs` },
      ...{ userinfo: `${ENDPOINT}/userinfo`, revocation: `${ENDPOINT}/revoke`, end_session: `${ENDPOINT}/logout` },
    },
    // The form is answered below the address that the library resumes at, so that both get the same cookies.
    interactions: { policy, url: (_, { uid }) => `${path}${ENDPOINT}/auth/${uid}` },
    cookies: {
      keys: [formSecret],
      names: { session: 'KEYCLOAK_IDENTITY', interaction: 'AUTH_SESSION_ID', resume: 'KC_RESTART' },
      long: { path, httpOnly: true, sameSite: 'lax', signed: true },
      short: { httpOnly: true, sameSite: 'lax', signed: true },
    },
    ttl: lifetimes(deps),
    findAccount: async (ctx, id, token) => {
      const user = await users.find(id)
      if (!user) return undefined
      if (!user.enabled && token?.kind === 'AccessToken') throw new errors.InvalidToken('User disabled')
      if (!user.enabled) throw oauthError(400, 'invalid_grant', 'User disabled')
      const client = ctx.oidc.client && clientOf(deps, ctx.oidc.client.clientId)
      return { accountId: id, user, claims: () => ({ sub: id, ...(client ? personClaims(client, user) : {}) }) }
    },
    async loadExistingGrant({ oidc }) {
      const clientId = String(oidc.client?.clientId)
      const id = oidc.session?.grantIdFor(clientId)
      const known = id ? await provider.Grant.find(id) : undefined
      return known?.clientId === clientId ? known : startLogin(provider, String(oidc.session?.accountId), clientId)
    },
    renderError: (ctx, { error, error_description }) => {
      ctx.type = 'html'
      ctx.body = errorPage(error_description ?? error)
    },
    features: {
      ...{ devInteractions: { enabled: false }, dPoP: { enabled: false }, resourceIndicators: { enabled: false } },
      ...{ pushedAuthorizationRequests: { enabled: false }, clientCredentials: { enabled: true } },
      // Admits the encryption key to the key set.
      encryption: { enabled: true },
      revocation: {
        enabled: true,
        async allowedPolicy(ctx, client, token) {
          ctx.state.known = token
          if (token.clientId !== client.clientId) throw new errors.InvalidRequest('Unmatching clients')
          ctx.state.ended = 'grantId' in token && (await provider.Grant.find(String(token.grantId))) !== undefined
          return ctx.state.ended
        },
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => void Object.assign(ctx, { body: logoutPage(form) }),
        postLogoutSuccessSource: (ctx) => void Object.assign(ctx, { body: page('You are signed out', '') }),
      },
    },
  })
  provider.registerGrantType('password', (ctx) => grantPassword(deps, provider, ctx), ['username', 'password', 'scope'])
  answerLikeKeycloak(deps, provider)
  for (const { clientId } of realm.clients)
    await provider.Client.find(clientId).catch((error) => {
      throw new Error(`Client ${clientId} of the realm file: ${error.error_description ?? error.message}`)
    })
  return provider
}

/** In seconds. Nothing outlives its login. */
function lifetimes({ realm }: Pick<Deps, 'realm'>): Configuration['ttl'] {
  const life = realm.ssoSessionMaxLifespan
  const rest = ({ oidc }: KoaContextWithOIDC) => oidc.entities.Grant?.remainingTTL ?? life
  const ofClient = (id: string) => clientOf({ realm }, id)?.accessTokenLifespan ?? realm.accessTokenLifespan
  return {
    ...{ Interaction: 1800, AuthorizationCode: 60, IdToken: realm.accessTokenLifespan, Session: life, Grant: life },
    AccessToken: (ctx, _, { clientId }) => Math.min(ofClient(clientId), rest(ctx)),
    RefreshToken: (ctx) => Math.min(realm.ssoSessionIdleTimeout, rest(ctx)),
    ClientCredentials: (_, __, { clientId }) => ofClient(clientId),
  }
}

async function startLogin({ Grant }: Provider, accountId: string, clientId: string) {
  const grant = new Grant({ accountId, clientId })
  grant.addOIDCScope(SCOPES)
  await grant.save()
  return grant
}

type GrantContext = Parameters<Parameters<Provider['registerGrantType']>[1]>[0]

/** Signs in by name and password. What is sent besides is made where every token is: in `keycloak-answers.ts`. */
async function grantPassword(deps: Omit<Deps, 'provider'>, provider: Provider, ctx: GrantContext): Promise<void> {
  const { client, params } = ctx.oidc
  const user: User = await signIn(deps, String(params?.username), String(params?.password ?? ''))
  const grant = await startLogin(provider, user.id, client.clientId)
  ctx.oidc.entity('Grant', grant)
  ctx.oidc.entity('Account', { accountId: user.id, user, claims: () => ({ sub: user.id }) })
  const scope = String(params?.scope)
  const source = { accountId: user.id, client, grantId: String(grant.jti), gty: 'password', scope }
  const accessToken = new provider.AccessToken(source)
  const refreshToken = new provider.RefreshToken(source)
  ctx.oidc.entity('AccessToken', accessToken)
  ctx.oidc.entity('RefreshToken', refreshToken)
  await accessToken.save()
  ctx.body = { expires_in: accessToken.expiration, refresh_token: await refreshToken.save(), scope }
}

function clientMetadata(client: RealmClient): ClientMetadata {
  const logout = client.attributes['post.logout.redirect.uris']?.split('##') ?? []
  const people = client.standardFlowEnabled || client.directAccessGrantsEnabled
  return {
    client_id: client.clientId,
    ...(client.publicClient ? {} : { client_secret: client.secret }),
    token_endpoint_auth_method: client.publicClient ? 'none' : 'client_secret_basic',
    // At loopback addresses without a port any port is right, as at Keycloak.
    application_type: client.redirectUris.some((uri) => /^http:\/\/127\.0\.0\.1\//.test(uri)) ? 'native' : 'web',
    redirect_uris: client.redirectUris,
    post_logout_redirect_uris: logout,
    response_types: client.standardFlowEnabled ? ['code'] : [],
    grant_types: [
      ...(client.standardFlowEnabled ? ['authorization_code'] : []),
      ...(client.directAccessGrantsEnabled ? ['password'] : []),
      ...(client.serviceAccountsEnabled ? ['client_credentials'] : []),
      ...(people ? ['refresh_token'] : []),
    ],
  }
}

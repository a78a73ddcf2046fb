import type { ClientMetadata } from 'oidc-provider'
import { type Configuration, errors, interactionPolicy, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { BaseDeps } from './deps.ts'
import { oauthError } from './http-error.ts'
import { answerLikeKeycloak, renderError } from './keycloak-answers.ts'
import { logoutPage, page } from './login-page.ts'
import type { RealmClient } from './realm-file.ts'
import { isRedirect } from './redirect-uris.ts'
import { signIn } from './sign-in.ts'

export const ENDPOINT = '/protocol/openid-connect'
/** What every token may be used for; a request adds `openid` or does not. */
const SCOPES = 'openid profile email'

export const clientOf = ({ realm }: Pick<BaseDeps, 'realm'>, id: string | undefined): RealmClient | undefined =>
  realm.clients.find(({ clientId }) => clientId === id)

/**
 * The OpenID library, set up for the realm: it does the protocol and keeps sessions, codes and tokens.
 * @param mcpRedirectUris where `jan-mcp` may send a browser back to, beside what the realm says
 */
export function createOidcProvider(deps: BaseDeps, mcpRedirectUris: string[]): Provider {
  const { realm, users, issuer, formSecret, adapter, keys } = deps
  const policy = interactionPolicy.base()
  // Its clients are the platform's own: nobody is asked whether they may.
  policy.remove('consent')
  const path = new URL(issuer).pathname
  const provider: Provider = new Provider(issuer, {
    adapter,
    jwks: { keys },
    clients: realm.clients.map(clientMetadata),
    scopes: SCOPES.split(' '),
    responseTypes: ['code'],
    pkce: { required: () => true },
    issueRefreshToken: async () => true,
    // A login outlives the browser's session until somebody ends it.
    expiresWithSession: async () => false,
    revokeGrantPolicy: ({ oidc }) => oidc.route !== 'revocation' || !oidc.entities.AccessToken,
    clientBasedCORS: (_, origin, client) => clientOf(deps, client.clientId)?.webOrigins?.includes(origin) ?? false,
    routes: {
      authorization: `${ENDPOINT}/auth`,
      token: `${ENDPOINT}/token`,
      jwks: `${ENDPOINT}/certs`,
      userinfo: `${ENDPOINT}/userinfo`,
      revocation: `${ENDPOINT}/revoke`,
      end_session: `${ENDPOINT}/logout`,
    },
    // The form is answered below the address that the library resumes at, so that both get the same cookies.
    interactions: { policy, url: (_, { uid }) => `${path}${ENDPOINT}/auth/${uid}` },
    cookies: { keys: [formSecret], long: { path } },
    ttl: lifetimes(deps),
    findAccount: async (_, id, token) => {
      const user = await users.find(id)
      if (!user || (!user.enabled && token?.kind === 'AccessToken')) return undefined
      if (!user.enabled) throw oauthError(400, 'invalid_grant', 'User disabled')
      return { accountId: id, user, claims: () => ({ sub: id }) }
    },
    async loadExistingGrant({ oidc }) {
      const clientId = String(oidc.client?.clientId)
      const id = oidc.session?.grantIdFor(clientId)
      const known = id ? await provider.Grant.find(id) : undefined
      return known?.clientId === clientId ? known : startLogin(provider, String(oidc.session?.accountId), clientId)
    },
    renderError: (ctx, _, error) => renderError(provider, ctx, error),
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      resourceIndicators: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      clientCredentials: { enabled: true },
      // Admits the encryption key to the key set.
      encryption: { enabled: true },
      revocation: {
        enabled: true,
        async allowedPolicy(ctx, client, token) {
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
  // The library's own rule knows no path that is left open.
  provider.Client.prototype.redirectUriAllowed = function (address) {
    const added = this.clientId === 'jan-mcp' ? mcpRedirectUris : []
    return added.includes(address) || isRedirect(clientOf(deps, this.clientId)?.redirectUris ?? [], address)
  }
  answerLikeKeycloak(deps, provider)
  return provider
}

/** In seconds. Nothing outlives its login. */
function lifetimes(deps: BaseDeps): Configuration['ttl'] {
  const { accessTokenLifespan, ssoSessionIdleTimeout, ssoSessionMaxLifespan: life } = deps.realm
  const rest = ({ oidc }: KoaContextWithOIDC) => oidc.entities.Grant?.remainingTTL ?? life
  const ofClient = (id: string) =>
    Number(clientOf(deps, id)?.attributes?.['access.token.lifespan'] ?? accessTokenLifespan)
  return {
    Interaction: 1800,
    IdToken: accessTokenLifespan,
    Session: life,
    Grant: life,
    AccessToken: (ctx, _, { clientId }) => Math.min(ofClient(clientId), rest(ctx)),
    RefreshToken: (ctx) => Math.min(ssoSessionIdleTimeout, rest(ctx)),
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
async function grantPassword(deps: BaseDeps, provider: Provider, ctx: GrantContext): Promise<void> {
  const { oidc } = ctx
  const { client, params } = oidc
  const user = await signIn(deps, String(params?.username), String(params?.password ?? ''))
  const grant = await startLogin(provider, user.id, client.clientId)
  oidc.entity('Grant', grant)
  oidc.entity('Account', { accountId: user.id, user, claims: () => ({ sub: user.id }) })
  const scope = String(params?.scope)
  const source = { accountId: user.id, client, grantId: String(grant.jti), gty: 'password', scope }
  const accessToken = new provider.AccessToken(source)
  const refreshToken = new provider.RefreshToken(source)
  oidc.entity('AccessToken', accessToken)
  oidc.entity('RefreshToken', refreshToken)
  await accessToken.save()
  ctx.body = { expires_in: accessToken.expiration, refresh_token: await refreshToken.save(), scope }
}

function clientMetadata(client: RealmClient): ClientMetadata {
  const { publicClient, standardFlowEnabled, directAccessGrantsEnabled, redirectUris = [] } = client
  const grants = [
    standardFlowEnabled && 'authorization_code',
    directAccessGrantsEnabled && 'password',
    client.serviceAccountsEnabled && 'client_credentials',
    (standardFlowEnabled || directAccessGrantsEnabled) && 'refresh_token',
  ]
  return {
    client_id: client.clientId,
    ...(publicClient ? { token_endpoint_auth_method: 'none' } : { client_secret: client.secret }),
    redirect_uris: redirectUris,
    post_logout_redirect_uris: client.attributes?.['post.logout.redirect.uris']?.split('##') ?? [],
    response_types: standardFlowEnabled ? ['code'] : [],
    grant_types: grants.filter((name) => name !== false),
  }
}

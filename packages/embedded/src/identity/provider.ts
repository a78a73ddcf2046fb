import { type AdapterFactory, type ClientMetadata, type JWK, Provider } from 'oidc-provider'
import type { Realm, RealmClient } from './realm-file.ts'

const CODE_FLOW = [
  'authorization_endpoint',
  'authorization_response_iss_parameter_supported',
  'code_challenge_methods_supported',
  'response_modes_supported',
]

type Options = { issuer: string; realm: Realm; keys: JWK[]; adapter: AdapterFactory }

const path = (name: string) => `/protocol/openid-connect/${name}`

/**
 * The OpenID library, set up for the realm: discovery, key set, clients and stored models (refresh tokens).
 * Token, logout, revoke and userinfo answer in Keycloak's words and therefore stand in `openid-routes.ts`.
 * @throws Error when the library refuses one of the realm's clients
 */
export async function createOidcProvider(options: Options): Promise<Provider> {
  const provider = new Provider(options.issuer, {
    adapter: options.adapter,
    jwks: { keys: options.keys },
    clients: options.realm.clients.map(clientMetadata),
    scopes: ['openid', 'profile', 'email'],
    // Lets clients name the refresh_token grant.
    issueRefreshToken: async () => true,
    claims: {
      openid: ['sub'],
      profile: ['name', 'given_name', 'family_name', 'preferred_username'],
      email: ['email', 'email_verified'],
    },
    routes: {
      authorization: path('auth'),
      token: path('token'),
      jwks: path('certs'),
      userinfo: path('userinfo'),
      revocation: path('revoke'),
      end_session: path('logout'),
    },
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      // Admits the encryption key to the key set.
      encryption: { enabled: true },
      pushedAuthorizationRequests: { enabled: false },
      resourceIndicators: { enabled: false },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: false },
    },
  })
  provider.use(async (context, next) => {
    await next()
    if (!context.path.endsWith('/openid-configuration')) return
    // Only what this provider serves: there is no login page, so nothing of the code flow.
    const discovery = context.body as Record<string, unknown>
    for (const name of CODE_FLOW) delete discovery[name]
    context.body = {
      ...discovery,
      grant_types_supported: ['password', 'refresh_token', 'client_credentials'],
      response_types_supported: [],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
    }
  })
  for (const { clientId } of options.realm.clients) {
    await provider.Client.find(clientId).catch((error) => {
      throw new Error(`Client ${clientId} of the realm file: ${error.error_description ?? error.message}`)
    })
  }
  return provider
}

function clientMetadata(client: RealmClient): ClientMetadata {
  return {
    client_id: client.clientId,
    client_secret: client.publicClient ? undefined : client.secret,
    token_endpoint_auth_method: client.publicClient ? 'none' : 'client_secret_basic',
    redirect_uris: client.redirectUris,
    response_types: client.standardFlowEnabled ? ['code'] : [],
    grant_types: client.standardFlowEnabled ? ['authorization_code', 'refresh_token'] : [],
  }
}

import { AppError } from '@jan/service-kit/errors'
import {
  checkResourceAllowed,
  discoverOAuthServerInfo,
  exchangeAuthorization,
  type FetchLike,
  type OAuthClientInformationMixed,
  type OAuthServerInfo,
  type OAuthTokens,
  refreshAuthorization,
  registerClient,
  startAuthorization,
} from '@modelcontextprotocol/client'
import { outlineOf } from './server-errors.ts'
import type { ServerHttp } from './server-http.client.ts'
import type { ServerSpec } from './server-spec.ts'

/** The authorization server that an MCP server names. */
export type Authority = OAuthServerInfo & { issuer: string; resource: URL | undefined }
export type OauthClientInfo = OAuthClientInformationMixed

export type ServerOauth = {
  /** @throws AppError `upstream_failed` when it names none that can be used */
  discover(spec: ServerSpec): Promise<Authority>
  register(spec: ServerSpec, authority: Authority, redirectUri: string): Promise<OauthClientInfo>
  start(authority: Authority, options: StartOptions): Promise<{ url: URL; verifier: string }>
  exchange(spec: ServerSpec, authority: Authority, options: ExchangeOptions): Promise<OAuthTokens>
  refresh(
    spec: ServerSpec,
    authority: Authority,
    options: { client: OauthClientInfo; refreshToken: string },
  ): Promise<OAuthTokens>
}

type StartOptions = { client: OauthClientInfo; redirectUri: string; state: string; scope: string | undefined }
type ExchangeOptions = {
  client: OauthClientInfo
  redirectUri: string
  code: string
  verifier: string
  iss: string | undefined
}

/** Of each of these operations, whatever it asks for on its way. */
export const LONGEST_MS = 15_000

/** OAuth 2.1 with a server's authorization server: discovered, registered at, and asked with PKCE. */
export function createServerOauth(http: ServerHttp): ServerOauth {
  /** Only what the operator's file names itself is trusted; what that points to is judged like any address. */
  const fetchFor = (spec: ServerSpec): FetchLike => {
    const late = AbortSignal.timeout(LONGEST_MS)
    return (url, init) => {
      const isOperators = spec.source === 'file' && new URL(url).origin === new URL(addressOf(spec)).origin
      const signal = AbortSignal.any([late, ...(init?.signal ? [init.signal] : [])])
      // Whoever's call it is done for: it is no part of what that may read.
      return http.outside(() => (isOperators ? http.trusted : http.guarded)(url, { ...init, signal }))
    }
  }
  // The SDK's errors carry what the server answered, which is nobody's to log; who asks for the code finds it.
  const saying = async <T>(what: string, act: () => Promise<T>): Promise<T> => {
    try {
      return await act()
    } catch (cause) {
      if (cause instanceof AppError) throw cause
      throw new AppError('upstream_failed', what, { cause: outlineOf(cause) })
    }
  }
  return {
    discover: (spec) =>
      saying('The server does not say where to log in', async () => {
        const info = await discoverOAuthServerInfo(addressOf(spec), { fetchFn: fetchFor(spec) })
        const named = info.resourceMetadata?.resource
        const resource = named === undefined ? undefined : new URL(named)
        if (resource && !checkResourceAllowed({ requestedResource: addressOf(spec), configuredResource: resource }))
          throw new AppError('upstream_failed', 'The server names another resource than itself')
        const issuer = info.authorizationServerMetadata?.issuer ?? info.authorizationServerUrl
        return { ...info, issuer, resource }
      }),
    register: (spec, authority, redirectUri) =>
      saying('The server does not let clients register; it has to be given a client (oauth.client_id)', () =>
        registerClient(authority.authorizationServerUrl, {
          ...metadataOf(authority),
          clientMetadata: {
            client_name: 'Jan Server',
            redirect_uris: [redirectUri],
            grant_types: ['authorization_code', 'refresh_token'],
            response_types: ['code'],
            token_endpoint_auth_method: 'none',
          },
          fetchFn: fetchFor(spec),
        }),
      ),
    start: async (authority, { client, redirectUri, state, scope }) => {
      const { authorizationUrl, codeVerifier } = await startAuthorization(authority.authorizationServerUrl, {
        ...metadataOf(authority),
        clientInformation: client,
        redirectUrl: redirectUri,
        state,
        ...(scope ? { scope } : {}),
        ...(authority.resource ? { resource: authority.resource } : {}),
      })
      return { url: authorizationUrl, verifier: codeVerifier }
    },
    exchange: (spec, authority, { client, redirectUri, code, verifier, iss }) =>
      saying('The server did not accept the login', () =>
        exchangeAuthorization(authority.authorizationServerUrl, {
          ...metadataOf(authority),
          clientInformation: client,
          authorizationCode: code,
          codeVerifier: verifier,
          redirectUri,
          ...(iss === undefined ? {} : { iss }),
          ...(authority.resource ? { resource: authority.resource } : {}),
          fetchFn: fetchFor(spec),
        }),
      ),
    refresh: (spec, authority, { client, refreshToken }) =>
      refreshAuthorization(authority.authorizationServerUrl, {
        ...metadataOf(authority),
        clientInformation: client,
        refreshToken,
        ...(authority.resource ? { resource: authority.resource } : {}),
        fetchFn: fetchFor(spec),
      }),
  }
}

const metadataOf = ({ authorizationServerMetadata: metadata }: Authority) => (metadata ? { metadata } : {})

/** Where a server's tokens may go. @throws AppError `conflict` when it is a process */
export const originOf = (spec: ServerSpec): string => new URL(addressOf(spec)).origin

function addressOf({ reach }: ServerSpec): string {
  if (reach.type === 'stdio') throw new AppError('conflict', 'A server that is a process has no login')
  return reach.url
}

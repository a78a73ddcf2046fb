import type { Person } from '@jan/service-kit/auth'
import { AppError, notFound } from '@jan/service-kit/errors'
import type { OAuthTokens } from '@modelcontextprotocol/client'
import type { Deps } from '../deps.ts'
import type { LoginRow } from './logins.store.ts'
import { requireKnownPerson, requireServer } from './require-server.ts'
import { openJson, sealJson } from './sealed-json.ts'
import { type Authority, type OauthClientInfo, originOf } from './server-oauth.client.ts'
import type { ServerSpec } from './server-spec.ts'

type Needs = Pick<
  Deps,
  'serverStore' | 'serverFile' | 'serverOauth' | 'logins' | 'cipher' | 'publicUrl' | 'now' | 'knownServers' | 'bridge'
>

/** A login on its way. All of it travels in the state, sealed, so that any replica can end it. */
type LoginState = {
  serverId: string
  workspaceId: string
  subject: string
  issuer: string
  /** Of the MCP server that the access is for. */
  origin: string
  verifier: string
  until: number
}
type Completion = { state: string; code: string; iss: string | undefined }

const LIFETIME_MS = 600_000
const STATE = 'mcp login state'
const COMPLETION = 'mcp login completion'

const redirectUriOf = ({ publicUrl }: Pick<Deps, 'publicUrl'>, id: string) =>
  new URL(`/v1/mcp/servers/${encodeURIComponent(id)}/oauth/callback`, publicUrl).href

const seal = ({ cipher }: Pick<Deps, 'cipher'>, value: unknown, place: string) =>
  Buffer.from(sealJson(cipher, value, place)).toString('base64url')

function open<T>({ cipher }: Pick<Deps, 'cipher'>, sealed: string, place: string): T {
  try {
    return openJson(cipher, Buffer.from(sealed, 'base64url').toString(), place)
  } catch {
    throw new AppError('invalid_request', 'This login was not begun here')
  }
}

/** Begins a login at a server's authorization server. @throws AppError `not_found`, `conflict`, `upstream_failed` */
export async function startLogin(deps: Needs, caller: Person, id: string): Promise<string> {
  const spec = await requireServerWithLogin(deps, caller, id)
  const authority = await deps.serverOauth.discover(spec)
  const redirectUri = redirectUriOf(deps, id)
  const client = await clientFor(deps, spec, authority)
  const { workspaceId, subject } = caller
  const until = deps.now().getTime() + LIFETIME_MS
  const scope = spec.oauth?.scope ?? authority.resourceMetadata?.scopes_supported?.join(' ')
  // The state holds the verifier, which is made with the address: so it is made first, with a state that is replaced.
  const { url, verifier } = await deps.serverOauth.start(authority, { client, redirectUri, state: '-', scope })
  const { issuer } = authority
  const state: LoginState = { serverId: id, workspaceId, subject, issuer, origin: originOf(spec), verifier, until }
  url.searchParams.set('state', seal(deps, state, STATE))
  return url.href
}

/**
 * What the browser brings back, sealed for the person who began: whoever followed a link that somebody else began must
 * not lend them their own access, and here nobody knows whose browser it is.
 * @throws AppError `invalid_request`
 */
export function sealCompletion(
  deps: Needs,
  id: string,
  { state, code, iss }: { state: string; code: string; iss?: string | undefined },
): string {
  const { serverId, until } = open<LoginState>(deps, state, STATE)
  if (serverId !== id || until < deps.now().getTime()) throw new AppError('invalid_request', 'This login has expired')
  return seal(deps, { state, code, iss } satisfies Completion, COMPLETION)
}

/** Ends a login: the one who began it gets their access. @throws AppError `invalid_request`, `forbidden`, `upstream_failed` */
export async function finishLogin(
  deps: Needs,
  caller: Person,
  { id, completion }: { id: string; completion: string },
): Promise<ServerSpec> {
  const { state, code, iss } = open<Completion>(deps, completion, COMPLETION)
  const begun = open<LoginState>(deps, state, STATE)
  if (begun.serverId !== id || begun.until < deps.now().getTime())
    throw new AppError('invalid_request', 'This login has expired')
  if (begun.subject !== caller.subject || begun.workspaceId !== caller.workspaceId)
    throw new AppError('forbidden', 'Somebody else began this login')
  const spec = await requireServerWithLogin(deps, caller, id)
  const origin = originOf(spec)
  if (origin !== begun.origin) throw new AppError('invalid_request', 'The server is another one by now: begin again')
  const authority = await deps.serverOauth.discover(spec)
  if (authority.issuer !== begun.issuer)
    throw new AppError('upstream_failed', 'The server names another place to log in by now')
  const client = await clientFor(deps, spec, authority)
  const { verifier } = begun
  const options = { client, redirectUri: redirectUriOf(deps, id), code, verifier, iss }
  const tokens = await deps.serverOauth.exchange(spec, authority, options).catch(async (error: AppError) => {
    // So that the next login registers anew.
    if (isClientRefused((error.cause as { code?: unknown } | undefined)?.code))
      await forgetClient(deps, spec, { issuer: authority.issuer, clientId: client.client_id })
    throw error
  })
  const owner = { serverId: id, workspaceId: caller.workspaceId }
  const sealed = sealTokens(deps, { ...owner, origin }, tokens)
  if (!(await deps.logins.save({ ...owner, issuer: authority.issuer, ...sealed }))) throw notFound('MCP server', id)
  deps.knownServers.forget()
  deps.bridge.peek(spec, caller.workspaceId)?.retry()
  return spec
}

export async function requireServerWithLogin(deps: Needs, caller: Person, id: string): Promise<ServerSpec> {
  requireKnownPerson(caller)
  const spec = await requireServer(deps, caller, id)
  if (spec.auth !== 'oauth') throw new AppError('conflict', `'${spec.name}' has no login`)
  return spec
}

const clientPlace = (id: string, issuer: string) => `mcp_oauth_client.client:${id} ${issuer}`

/** The client that we are there: the one that was configured, else one that is registered once for everyone. @throws AppError `upstream_failed` when the configured one is for another issuer */
export async function clientFor(
  deps: Pick<Deps, 'logins' | 'cipher' | 'serverOauth' | 'publicUrl'>,
  spec: ServerSpec,
  authority: Authority,
): Promise<OauthClientInfo> {
  if (spec.oauth) {
    const { clientId, clientSecret, issuer } = spec.oauth
    if ((clientSecret || issuer) && !isAt(authority, issuer))
      throw new AppError('upstream_failed', 'The server does not log in at oauth.issuer: its client is for nobody else')
    return { client_id: clientId, ...(clientSecret ? { client_secret: clientSecret } : {}) }
  }
  const place = clientPlace(spec.id, authority.issuer)
  const known = await deps.logins.client(spec.id, authority.issuer)
  if (known !== undefined) return openJson(deps.cipher, known, place)
  const made = await deps.serverOauth.register(spec, authority, redirectUriOf(deps, spec.id))
  const kept = await deps.logins.saveClient(spec.id, authority.issuer, sealJson(deps.cipher, made, place))
  return openJson(deps.cipher, kept, place)
}

/** Both where it was asked and what it says of itself: it could call itself whatever it likes. */
const isAt = ({ authorizationServerUrl, issuer: named }: Authority, issuer: string | undefined) =>
  issuer !== undefined &&
  [String(authorizationServerUrl), named].every((url) => new URL(url).href === new URL(issuer).href)

/** Codes of RFC 6749 for a client that an authorization server does not know, or not any more. */
export const isClientRefused = (code: unknown): boolean => code === 'invalid_client' || code === 'unauthorized_client'

/** It does not know this client any more. One that is registered anew meanwhile stays, and so does a configured one. */
export async function forgetClient(
  deps: Pick<Deps, 'logins' | 'cipher'>,
  spec: ServerSpec,
  { issuer, clientId }: { issuer: string; clientId: string },
): Promise<void> {
  if (spec.oauth) return
  const known = await deps.logins.client(spec.id, issuer)
  if (known === undefined) return
  const { client_id: id } = openJson<OauthClientInfo>(deps.cipher, known, clientPlace(spec.id, issuer))
  if (id === clientId) await deps.logins.forgetClient(spec.id, { issuer, client: known })
}

type Owner = { serverId: string; workspaceId: string }
/** Tokens are good at one origin: an id of the operator's file may come to mean another server. */
type Sealed = { tokens: OAuthTokens; origin: string }
const tokenPlace = ({ serverId, workspaceId }: Owner) => `mcp_login.tokens:${serverId} ${workspaceId}`

/** What is kept of tokens. */
export const sealTokens = (
  { cipher, now }: Pick<Deps, 'cipher' | 'now'>,
  { origin, ...owner }: Owner & { origin: string },
  tokens: OAuthTokens,
): Pick<LoginRow, 'tokens' | 'expiresAt'> => ({
  tokens: sealJson(cipher, { tokens, origin } satisfies Sealed, tokenPlace(owner)),
  expiresAt: tokens.expires_in === undefined ? null : new Date(now().getTime() + tokens.expires_in * 1000),
})

/** @returns undefined when they are another origin's, or of before origins were kept */
export function openTokens(
  deps: Pick<Deps, 'cipher'>,
  { origin, ...owner }: Owner & { origin: string },
  sealed: string,
): OAuthTokens | undefined {
  const kept = openJson<Partial<Sealed>>(deps.cipher, sealed, tokenPlace(owner))
  return kept.origin === origin ? kept.tokens : undefined
}

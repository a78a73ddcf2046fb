import { acceptKeys } from './accept-keys.ts'
import { type ApiKeys, createApiKeys, type IntrospectKey } from './api-keys.ts'
import { type Authenticate, bearerAuth, type Challenge } from './auth.ts'
import type { Secret } from './config.ts'
import { connectPeer } from './http-client.ts'
import { createInternalTokens, type InternalKey, type InternalTokens } from './internal-token.ts'
import { introspectAt } from './key-introspection.ts'
import { hearOfKeys } from './key-news.ts'
import type { Closers } from './lifecycle.ts'
import { everyoneIsLocal } from './local-caller.ts'
import type { Logger } from './logger.ts'
import { connectRedis } from './redis.ts'

export type AuthSettings = {
  enabled: boolean
  issuer: string
  audience: string[]
  jwksUrl: string
  clients: string[]
  internalKeys: InternalKey[]
}

export type IdentityOptions = {
  /** Who keeps the API keys: another service, or this one itself. */
  keys: { service: string; baseUrl: string } | IntrospectKey
  /** Through which replicas hear at once of revoked keys. */
  redisUrl: Secret | undefined
  log: Logger
  closers: Closers
  challenge?: Challenge
}

/** How a service judges who calls, and how it calls others. `apiKeys` is what it knows of keys. */
export type Identity = { authenticate: Authenticate; tokens: InternalTokens; apiKeys: ApiKeys }

/** Longer than the keeper waits for what it needs itself. */
const INTROSPECTION_MS = 5_000

/** Opens nothing before the first request, but for the connection to Redis. */
export function connectIdentity(service: string, settings: AuthSettings, options: IdentityOptions): Identity {
  const { challenge, redisUrl, log, closers } = options
  const tokens = createInternalTokens(service, settings.internalKeys)
  const apiKeys = createApiKeys({ introspect: introspectionOf(service, tokens, options) })
  if (!settings.enabled) return { authenticate: everyoneIsLocal, tokens, apiKeys }
  if (redisUrl) hearOfKeys(connectRedis(redisUrl.reveal(), log, closers), log, apiKeys.forget)
  const { issuer, audience, jwksUrl, clients } = settings
  const bearer = bearerAuth({
    issuer,
    audience,
    jwksUrl,
    clients,
    internal: tokens,
    ...(challenge ? { challenge } : {}),
  })
  return { authenticate: acceptKeys(bearer, apiKeys, challenge), tokens, apiKeys }
}

function introspectionOf(service: string, tokens: InternalTokens, { keys, closers }: IdentityOptions): IntrospectKey {
  if (typeof keys === 'function') return keys
  const peer = connectPeer({ ...keys, tokens, timeoutMs: INTROSPECTION_MS })
  closers.add('api keys', peer, () => peer.close())
  return introspectAt(peer, service)
}

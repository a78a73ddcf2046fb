import { randomBytes, randomUUID } from 'node:crypto'
import type { ApiKeys } from '@jan/service-kit/api-keys'
import type { Authenticate } from '@jan/service-kit/auth'
import { connectIdentity } from '@jan/service-kit/authenticate'
import type { TrustedProxies } from '@jan/service-kit/client-address'
import { connectLimits } from '@jan/service-kit/connect-limits'
import { createFieldCipher } from '@jan/service-kit/field-encryption'
import { forgetIdempotencyKeys, forgetIdempotencyKeysHourly } from '@jan/service-kit/forget-idempotency-keys'
import type { Dependency } from '@jan/service-kit/health'
import { connectPeer, type Peer } from '@jan/service-kit/http-client'
import { createIdempotency, type IdempotencyStore } from '@jan/service-kit/idempotency'
import { newId } from '@jan/service-kit/ids'
import type { InternalTokens } from '@jan/service-kit/internal-token'
import { createJobs, type Jobs } from '@jan/service-kit/jobs'
import { tellOfKey } from '@jan/service-kit/key-news'
import type { Closers } from '@jan/service-kit/lifecycle'
import { createLogger, type Logger } from '@jan/service-kit/logger'
import { createMetrics, type HttpMetrics } from '@jan/service-kit/metrics'
import { connectPostgres, connectPrisma, postgresDependency } from '@jan/service-kit/postgres'
import { createRateLimiter, type RateLimiter } from '@jan/service-kit/rate-limit'
import type { Redis } from '@jan/service-kit/redis'
import { createTurns, type Turns } from '@jan/service-kit/turns'
import { type AuditStore, createAuditStore } from './audit/audit.store.ts'
import type { Config } from './config.ts'
import { createEvents, type Events } from './events.ts'
import { PrismaClient } from './generated/prisma/client.ts'
import { createIdentityClient, type IdentityClient } from './identity/identity.client.ts'
import { createLoginStateStore } from './identity/login-state.store.ts'
import { createLoginStates, type LoginStates } from './identity/login-state.ts'
import { createSharedRefreshes, type SharedRefreshes } from './identity/shared-refreshes.ts'
import { type LoginSettings, loginSettings } from './identity/start-login.ts'
import type { Guest, UsersClient } from './identity/users.client.ts'
import { introspectKey } from './keys/introspect-key.ts'
import { createKeyStore, type KeyStore } from './keys/key.store.ts'
import { createKeys, type Keys } from './keys/keys.ts'
import { keepModelsFresh } from './models/keep-models-fresh.job.ts'
import { createModelStore } from './models/model.store.ts'
import { createModelCatalog, type ModelCatalog } from './models/model-catalog.ts'
import { createProviderClient, type ProviderClient } from './providers/provider.client.ts'
import { sharedCheck } from './providers/shared-check.ts'
import { eraseAbsentGuests, eraseAbsentGuestsDaily } from './workspaces/erase-absent-guests.job.ts'
import { eraseWorkspace } from './workspaces/erase-workspace.job.ts'
import { createWorkspaceStore, type WorkspaceStore } from './workspaces/workspace.store.ts'

const SERVICE = 'llm-api'

export type Deps = {
  log: Logger
  authenticate: Authenticate
  limiter: RateLimiter | undefined
  trustedProxies: TrustedProxies
  idempotency: IdempotencyStore
  jobs: Jobs<Deps>
  metrics: HttpMetrics
  events: Events
  dependencies: Dependency[]
  bodyLimit: number
  identity: IdentityClient
  /** Guests per address; none without a limit. */
  guestLimit: RateLimiter | undefined
  /** How long a guest may be away; 0: for ever. */
  guestRetentionMs: number
  /** What a login is made of, beside its state. */
  login: LoginSettings
  loginStates: LoginStates
  refreshes: SharedRefreshes
  turns: Turns
  keys: Keys
  /** What is known of keys that callers came with. */
  apiKeys: ApiKeys
  /** Ends what anybody still believes of a key. */
  keyChanged: (hash: string) => Promise<void>
  workspaces: WorkspaceStore
  audit: AuditStore
  models: ModelCatalog
  /** Model of a request that names none. */
  defaultModel: string | undefined
  provider: ProviderClient
  media: Peer
  /** Every other service that keeps something of people. */
  peers: Readonly<Record<string, Peer>>
  now: () => Date
  newId: (prefix: string) => string
  newGuest: () => Guest
  /** Of PKCE. */
  newVerifier: () => string
}

/** Opens nothing yet: every connection is made at first use, so whatever is late delays nobody's start. */
export async function connect(config: Config, closers: Closers): Promise<Deps> {
  const log = createLogger(SERVICE, config.log)
  const metrics = createMetrics(SERVICE)
  const events = createEvents(metrics)
  const now = () => new Date()
  const limits = connectLimits(SERVICE, config.limits, log, closers)

  const pool = connectPostgres(config.database, log, closers)
  const prisma = connectPrisma(pool, closers, (adapter) => new PrismaClient({ adapter }))

  const cipher = createFieldCipher(config.fieldKeys)
  const identity = createIdentityClient({ ...config.identity, now })
  closers.add('identity', identity, () => identity.close())
  const { authenticate, tokens, ...keys } = connectKeys(config, {
    store: createKeyStore(prisma),
    users: identity.users,
    redis: limits.redis,
    log,
    closers,
    now,
  })
  const media = connectPeer({
    service: 'media-api',
    baseUrl: config.media.baseUrl,
    tokens,
    timeoutMs: config.media.timeoutMs,
  })
  closers.add('media-api', media, () => media.close())

  const provider = createProviderClient(config.model)
  const models = createModelCatalog({
    store: createModelStore({ prisma, newId: (prefix) => newId(prefix, 16), now }),
    provider,
    baseUrl: config.model.baseUrl,
    settings: config.model,
    events,
    log,
    now,
  })
  const freshness = keepModelsFresh(models)
  closers.add('model sync', freshness, () => freshness.stop())
  // Added last, closed first: a refresh that waits for the provider ends with it.
  closers.add('model provider', provider, () => provider.close())

  const jobs = createJobs<Deps>({
    pool,
    log,
    metrics,
    jobs: [forgetIdempotencyKeys, eraseWorkspace, eraseAbsentGuests],
    schedules: [forgetIdempotencyKeysHourly, eraseAbsentGuestsDaily],
  })
  return {
    log,
    authenticate,
    limiter: limits.limiter,
    trustedProxies: config.trustedProxies,
    idempotency: createIdempotency({ pool, cipher }),
    jobs: closers.add('jobs', jobs, (started) => started.stop()),
    metrics,
    events,
    dependencies: [
      postgresDependency(pool),
      { name: 'identity', required: false, check: identity.check },
      { name: 'model', required: false, check: sharedCheck(provider.check, now) },
      { name: 'media-api', required: false, check: media.check },
      ...limits.dependencies,
    ],
    bodyLimit: config.bodyLimit,
    identity,
    guestLimit: limitGuests(config.guestsPerHour, limits.redis, log, closers),
    guestRetentionMs: config.guestRetentionDays * DAY_MS,
    login: loginSettings(config),
    loginStates: createLoginStates(cipher, createLoginStateStore(prisma, now), now),
    refreshes: createSharedRefreshes({ redis: limits.redis, cipher }),
    turns: createTurns(connectPostgres({ ...config.database, poolMax: 4 }, log, closers)),
    ...keys,
    workspaces: createWorkspaceStore(prisma),
    audit: createAuditStore(prisma),
    models,
    defaultModel: config.model.byDefault,
    provider,
    media,
    peers: connectPeers(config, tokens, closers),
    now,
    newId,
    newGuest: () => ({ username: `guest-${randomUUID()}`, password: randomBytes(32).toString('base64url') }),
    newVerifier: () => randomBytes(32).toString('base64url'),
  }
}

const DAY_MS = 86_400_000
const PEER_MS = 30_000

function connectPeers({ workspaceServices }: Config, tokens: InternalTokens, closers: Closers): Record<string, Peer> {
  const peers = [...workspaceServices].map(([service, baseUrl]) => {
    const peer = connectPeer({ service, baseUrl, tokens, timeoutMs: PEER_MS })
    closers.add(service, peer, () => peer.close())
    return [service, peer] as const
  })
  return Object.fromEntries(peers)
}

function limitGuests(points: number, redis: Redis | undefined, log: Logger, closers: Closers) {
  if (points === 0) return undefined
  const limiter = createRateLimiter({ name: `${SERVICE}:guests`, points, seconds: 3600, redis, log })
  return closers.add('guest limit', limiter, () => limiter.close())
}

type KeyParts = {
  store: KeyStore
  users: UsersClient
  redis: Redis | undefined
  log: Logger
  closers: Closers
  now: () => Date
}

/** Who calls, by token or key: the keys are this service's own. */
function connectKeys(config: Config, { store, users, redis, log, closers, now }: KeyParts) {
  const { keys: settings, fieldKeys } = config
  const validations = createRateLimiter({
    name: `${SERVICE}:api-key-validations`,
    points: settings.validationsPerMinute,
    seconds: 60,
    redis,
    log,
  })
  const keys = createKeys({ settings, store, validations, fieldKeys, users, now, log })
  closers.add('api keys', keys, ({ uses }) => Promise.all([uses.flush(), validations.close()]))
  const identity = connectIdentity(SERVICE, config.auth, {
    keys: (hash) => introspectKey({ keys, now }, hash),
    redisUrl: config.limits.redisUrl,
    log,
    closers,
  })
  const keyChanged = async (hash: string) => {
    identity.apiKeys.forget(hash)
    await tellOfKey(redis, log, hash)
  }
  return { ...identity, keys, keyChanged }
}

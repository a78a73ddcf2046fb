import { randomBytes, randomUUID } from 'node:crypto'
import type { Authenticate } from '@jan/service-kit/auth'
import { createIdentity } from '@jan/service-kit/authenticate'
import { connectLimits } from '@jan/service-kit/connect-limits'
import type { Dependency } from '@jan/service-kit/health'
import { connectPeer, type Peer } from '@jan/service-kit/http-client'
import { newId } from '@jan/service-kit/ids'
import type { Closers } from '@jan/service-kit/lifecycle'
import { createLogger, type Logger } from '@jan/service-kit/logger'
import { createMetrics, type HttpMetrics } from '@jan/service-kit/metrics'
import { connectPostgres, connectPrisma, postgresDependency } from '@jan/service-kit/postgres'
import type { RateLimiter } from '@jan/service-kit/rate-limit'
import type { Config } from './config.ts'
import { createEvents, type Events } from './events.ts'
import { PrismaClient } from './generated/prisma/client.ts'
import { createIdentityClient, type Guest, type IdentityClient } from './identity/identity.client.ts'
import { keepModelsFresh } from './models/keep-models-fresh.job.ts'
import { createModelStore } from './models/model.store.ts'
import { createModelCatalog, type ModelCatalog } from './models/model-catalog.ts'
import { createProviderClient, type ProviderClient } from './providers/provider.client.ts'
import { sharedCheck } from './providers/shared-check.ts'
import { createWorkspaceStore, type WorkspaceStore } from './workspaces/workspace.store.ts'

const SERVICE = 'llm-api'

export type Deps = {
  log: Logger
  authenticate: Authenticate
  limiter: RateLimiter | undefined
  metrics: HttpMetrics
  events: Events
  dependencies: Dependency[]
  bodyLimit: number
  identity: IdentityClient
  workspaces: WorkspaceStore
  models: ModelCatalog
  /** Model of a request that names none. */
  defaultModel: string | undefined
  provider: ProviderClient
  media: Peer
  now: () => Date
  newGuest: () => Guest
}

/** Opens nothing yet: every connection is made at first use, so whatever is late delays nobody's start. */
export async function connect(config: Config, closers: Closers): Promise<Deps> {
  const log = createLogger(SERVICE, config.log)
  const metrics = createMetrics(SERVICE)
  const events = createEvents(metrics)
  const now = () => new Date()
  const { authenticate, tokens } = createIdentity(SERVICE, config.auth)
  const limits = connectLimits(SERVICE, config.limits, log, closers)

  const pool = connectPostgres(config.database, log, closers)
  const prisma = connectPrisma(pool, closers, (adapter) => new PrismaClient({ adapter }))

  const identity = createIdentityClient({ ...config.identity, now })
  closers.add('identity', identity, () => identity.close())
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

  return {
    log,
    authenticate,
    limiter: limits.limiter,
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
    workspaces: createWorkspaceStore(prisma),
    models,
    defaultModel: config.model.byDefault,
    provider,
    media,
    now,
    newGuest: () => ({ username: `guest-${randomUUID()}`, password: randomBytes(32).toString('base64url') }),
  }
}

import { type AllowList, parseAllowList } from '@jan/guarded-fetch/allow-list'
import { createGuardedAgent } from '@jan/guarded-fetch/guarded-agent'
import type { FieldCipher } from '@jan/service-kit/field-encryption'
import type { Closers } from '@jan/service-kit/lifecycle'
import type { Logger } from '@jan/service-kit/logger'
import { connectRedis, type Redis } from '@jan/service-kit/redis'
import type { CatalogStore } from '../catalogs/catalog.store.ts'
import type { Config } from '../config.ts'
import type { Events } from '../events.ts'
import { keepProvidersSynced } from '../providers/keep-providers-synced.job.ts'
import type { ProviderStore } from '../providers/provider.store.ts'
import { createProviderClients, type ManagedClients } from '../providers/provider-clients.ts'
import { hearOfModels, tellOfModels } from '../providers/provider-news.ts'
import { keepModelsFresh } from './keep-models-fresh.job.ts'
import type { ModelStore } from './model.store.ts'
import { createModelCatalog, type ModelCatalog } from './model-catalog.ts'

export type ModelStores = { providers: ProviderStore; models: ModelStore; catalogs: CatalogStore }

/** What the service keeps and knows of models. */
export type ModelParts = {
  models: ModelCatalog
  modelStores: ModelStores
  providers: ManagedClients
  /** Keeps secrets in the database. */
  cipher: FieldCipher
  /** Private addresses at which providers may be. */
  isAllowed: AllowList
}

type Parts = {
  stores: ModelStores
  cipher: FieldCipher
  redis: Redis | undefined
  events: Events
  log: Logger
  closers: Closers
  now: () => Date
}

/** Who serves models and what they offer, kept fresh until the process stops. Opens nothing before the first question. */
export function connectModels(config: Config, parts: Parts): ModelParts {
  const { redis, log, closers, now } = parts
  const { connectTimeoutMs, headTimeoutMs, idleTimeoutMs } = config.model
  const isAllowed = parseAllowList(config.outboundAllow)
  const guarded = createGuardedAgent({ allowed: isAllowed, connectTimeoutMs, connections: null })
  closers.add('guarded providers', guarded, () => guarded.destroy())
  const providers = createProviderClients({ timeouts: { connectTimeoutMs, headTimeoutMs, idleTimeoutMs }, guarded })
  const syncs = keepProvidersSynced({ sync: (id) => models.sync(id), everyMs: config.modelSyncMs, now })
  const models: ModelCatalog = createModelCatalog({
    ...parts,
    operators: config.operators,
    clients: providers,
    settings: config.model,
    tell: () => tellOfModels(redis, log),
    follow: syncs.follow,
  })
  const reloads = keepModelsFresh({ refresh: models.reload })
  const listener = config.limits.redisUrl && connectRedis(config.limits.redisUrl.reveal(), log, closers)
  if (listener) hearOfModels(listener, log, () => void models.reload().catch(() => undefined))
  closers.add('model sync', syncs, () => Promise.all([syncs.stop(), reloads.stop()]))
  // Added last, closed first: a sync that waits for a provider ends with it.
  closers.add('model providers', providers, () => providers.close())
  return { models, providers, modelStores: parts.stores, cipher: parts.cipher, isAllowed }
}

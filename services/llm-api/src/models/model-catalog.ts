import type { Logger } from '@jan/service-kit/logger'
import { type Events, noteModelsSynced, noteSyncFailed } from '../events.ts'
import type { ProviderClient } from '../providers/provider.client.ts'
import { buildOffer, type OfferedModel, type OfferSettings } from './build-offer.ts'
import type { KnownModel, ModelStore } from './model.store.ts'

export type ModelCatalog = {
  /** What is offered now. @throws AppError `unavailable` as long as the store could never be read */
  list(): Promise<OfferedModel[]>
  /**
   * The model of this name, from memory. An unknown one is looked for at the provider first, by all who ask at once together.
   * Undefined when there is none. @throws AppError when nothing is known at all because the provider is away
   */
  find(name: string): OfferedModel | Promise<OfferedModel | undefined>
  /** Asks the provider and takes over its answer; joins a refresh that is under way. @throws AppError */
  refresh(): Promise<void>
}

export type CatalogDeps = {
  store: ModelStore
  provider: Pick<ProviderClient, 'listModels'>
  baseUrl: string
  settings: OfferSettings
  events: Events
  log: Logger
  now: () => Date
}

/** Requests for names that do not exist must not become requests to the provider. */
const AT_MOST_EVERY_MS = 5_000

export function createModelCatalog(deps: CatalogDeps): ModelCatalog {
  const startedAt = deps.now()
  let known: KnownModel[] | undefined
  let offer = buildOffer([], deps.settings, startedAt)
  let latest: Promise<void> | undefined
  let latestAt = Number.NEGATIVE_INFINITY
  let isUnderWay = false

  const takeOver = (models: KnownModel[]) => {
    known = models
    offer = buildOffer(models, deps.settings, startedAt)
  }

  const askAll = async () => {
    const providerId = await deps.store.provide(deps.baseUrl)
    if (!known) takeOver(await deps.store.list(providerId))
    const listed = await deps.provider.listModels()
    await deps.store.replace(providerId, listed)
    takeOver(await deps.store.list(providerId))
    noteModelsSynced(deps.events, deps.log, listed.length)
  }

  const refresh = (): Promise<void> => {
    if (latest && isUnderWay) return latest
    isUnderWay = true
    latestAt = deps.now().getTime()
    latest = askAll()
      .catch((error: unknown) => {
        noteSyncFailed(deps.events, deps.log, error)
        throw error
      })
      .finally(() => {
        isUnderWay = false
      })
    return latest
  }

  /** The outcome of a refresh that is recent enough. */
  const refreshIfDue = (): Promise<void> =>
    latest && deps.now().getTime() - latestAt < AT_MOST_EVERY_MS ? latest : refresh()

  const findAfterRefresh = async (name: string) => {
    await refreshIfDue().catch((error: unknown) => {
      if (offer.size === 0) throw error
    })
    return offer.get(name)
  }

  return {
    refresh,
    list: async () => {
      if (!known)
        await refreshIfDue().catch((error: unknown) => {
          if (!known) throw error
        })
      return [...offer.values()]
    },
    find: (name) => offer.get(name) ?? findAfterRefresh(name),
  }
}

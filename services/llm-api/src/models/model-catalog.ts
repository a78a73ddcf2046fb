import { AppError } from '@jan/service-kit/errors'
import type { FieldCipher } from '@jan/service-kit/field-encryption'
import type { Logger } from '@jan/service-kit/logger'
import type { CatalogStore } from '../catalogs/catalog.store.ts'
import { type Events, noteModelsSynced, noteSyncFailed } from '../events.ts'
import { type KnownProvider, knownProviders } from '../providers/known-providers.ts'
import type { OperatorProvider } from '../providers/operator-provider.ts'
import type { ProviderStore } from '../providers/provider.store.ts'
import type { ManagedClients } from '../providers/provider-clients.ts'
import { reasonOf } from '../providers/require-base-url.ts'
import { buildOffer, type Offer, type OfferSettings } from './build-offer.ts'
import { joined } from './joined.ts'
import type { ModelStore } from './model.store.ts'
import type { OfferedModel } from './offered-model.ts'
import { prepareListing } from './prepare-listing.ts'

export type ModelCatalog = {
  /** What is offered now. @throws AppError `unavailable` as long as the store could never be read */
  list(): Promise<OfferedModel[]>
  /**
   * The model that is called so, from memory. An unknown one is looked for at the providers first, by all who ask at once
   * together. Undefined when there is none. @throws AppError when nothing is known at all because the providers are away
   */
  find(name: string): OfferedModel | Promise<OfferedModel | undefined>
  /** The same, of what is known now. */
  known(name: string): OfferedModel | undefined
  /** Asks every provider and takes over the answers; joins a refresh that is under way. @throws AppError when none answered */
  refresh(): Promise<void>
  /** Takes over what is stored, as others may have changed it. */
  reload(): Promise<void>
  /** The same after a change of our own, of which the other replicas are told. */
  changed(): Promise<void>
  /** Asks one provider. @throws AppError, which is noted of it, too */
  sync(providerId: string): Promise<void>
  /** Those that this process knows, the operator's first. */
  providers(): KnownProvider[]
}

export type CatalogDeps = {
  stores: {
    providers: Pick<ProviderStore, 'provide' | 'list' | 'noteFailure'>
    models: Pick<ModelStore, 'list' | 'publicIds' | 'replace' | 'add'>
    catalogs: Pick<CatalogStore, 'special'>
  }
  operators: OperatorProvider[]
  clients: Pick<ManagedClients, 'client' | 'follow'>
  cipher: Pick<FieldCipher, 'decrypt'>
  settings: OfferSettings
  /** Tells the other replicas that something changed. */
  tell: () => Promise<void>
  /** Is told of the providers as they are stored, whenever they may be others. */
  follow?: (providers: KnownProvider[]) => void
  events: Events
  log: Logger
  now: () => Date
}

/** Requests for names that do not exist must not become requests to the providers. */
const AT_MOST_EVERY_MS = 5_000
/** Nor wait for one that is silent, when others have answered. */
const LONGEST_SEARCH_MS = 3_000

export function createModelCatalog(deps: CatalogDeps): ModelCatalog {
  const { stores, operators, settings, now } = deps
  const startedAt = now()
  let providers: KnownProvider[] = []
  let offer: Offer
  let isLoaded = false
  let isProvided = false

  const takeOver = (rows: Awaited<ReturnType<typeof readAll>>) => {
    providers = knownProviders(rows.providers, operators, deps.cipher)
    deps.clients.follow(providers)
    offer = buildOffer({ ...rows, providers }, settings, startedAt)
  }
  const readAll = async () => {
    const [known, models, catalogs] = await Promise.all([
      stores.providers.list(),
      stores.models.list(),
      stores.catalogs.special(),
    ])
    return { providers: known, models, catalogs }
  }
  takeOver({ providers: [], models: [], catalogs: [] })

  const reload = joined(async () => {
    if (!isProvided) {
      await provideOperators(deps)
      isProvided = true
    }
    takeOver(await readAll())
    deps.follow?.(providers)
    isLoaded = true
  })

  const syncs = new Map<string, Promise<void>>()
  const sync = (id: string): Promise<void> => {
    const underWay = syncs.get(id) ?? syncNow(id).finally(() => syncs.delete(id))
    syncs.set(id, underWay)
    return underWay
  }
  const syncNow = async (id: string) => {
    if (!isLoaded) await reload()
    const provider = requireKnown(providers, id)
    try {
      const isChanged = await askProvider(deps, provider)
      await reload()
      if (isChanged) await deps.tell()
    } catch (error) {
      noteSyncFailed(deps.events, deps.log.child({ provider: provider.name }), error)
      await stores.providers.noteFailure(id, reasonOf(error).message).catch(() => undefined)
      throw error
    }
  }

  const refreshAll = async () => {
    await reload()
    const asked = providers.filter((provider) => provider.active && provider.operator?.syncs !== false)
    const outcomes = await Promise.allSettled(asked.map(({ id }) => sync(id)))
    const [failure] = outcomes.filter((outcome) => outcome.status === 'rejected')
    if (failure && outcomes.every(({ status }) => status === 'rejected')) throw failure.reason
  }
  const asks = createAsks(refreshAll, now)

  const findAfterRefresh = async (name: string) => {
    const refreshed = asks.ifDue().catch((error: unknown) => {
      if (offer.list.length === 0) throw error
    })
    await (offer.list.length === 0 ? refreshed : Promise.race([refreshed, delay(LONGEST_SEARCH_MS)]))
    return offer.find(name)
  }

  return {
    refresh: asks.now,
    reload,
    sync,
    changed: async () => {
      await reload()
      await deps.tell()
    },
    providers: () => providers,
    known: (name) => offer.find(name),
    list: async () => {
      if (!isLoaded)
        await asks.ifDue().catch((error: unknown) => {
          if (!isLoaded) throw error
        })
      return offer.list
    },
    find: (name) => offer.find(name) ?? findAfterRefresh(name),
  }
}

/** Those who ask at once ask together, and `ifDue` takes the outcome of one that is recent enough. */
function createAsks(ask: () => Promise<void>, now: () => Date) {
  let latest: Promise<void> | undefined
  let latestAt = Number.NEGATIVE_INFINITY
  let isUnderWay = false
  const askNow = (): Promise<void> => {
    if (latest && isUnderWay) return latest
    isUnderWay = true
    latestAt = now().getTime()
    latest = ask().finally(() => {
      isUnderWay = false
    })
    return latest
  }
  return {
    now: askNow,
    ifDue: () => (latest && now().getTime() - latestAt < AT_MOST_EVERY_MS ? latest : askNow()),
  }
}

const delay = (ms: number) => new Promise<void>((done) => setTimeout(done, ms).unref())

function requireKnown(providers: KnownProvider[], id: string): KnownProvider {
  const provider = providers.find((each) => each.id === id)
  if (!provider) throw new AppError('not_found', `There is no provider '${id}'`)
  return provider
}

/** Stores what the configuration names, so that admins can see and change it before any provider has answered. */
async function provideOperators({ stores, operators }: CatalogDeps): Promise<void> {
  await stores.providers.provide(operators)
  for (const provider of operators.filter(({ models, syncs }) => models.length > 0 || !syncs)) {
    const known = await stores.models.publicIds(provider.id)
    if (!provider.syncs) {
      const rows = prepareListing({ provider, listed: [], configured: provider.models, known })
      await stores.models.replace(provider.id, rows, { enablesNew: true, baseUrl: undefined })
      continue
    }
    const configured = provider.models.filter(({ modelId }) => !known.has(modelId))
    await stores.models.add(provider.id, prepareListing({ provider, listed: [], configured, known }))
  }
}

/** @returns whether it offers something else than before */
async function askProvider({ stores, clients, events, log }: CatalogDeps, provider: KnownProvider): Promise<boolean> {
  const client = clients.client(provider.id)
  if (!client) throw new AppError('unavailable', provider.problem ?? 'The provider was removed a moment ago')
  const listed = await client.listModels()
  const known = await stores.models.publicIds(provider.id)
  const rows = prepareListing({ provider, listed, configured: provider.operator?.models ?? [], known })
  const enablesNew = provider.operator?.enablesNew ?? provider.metadata.auto_enable_new_models !== 'false'
  const baseUrl = provider.operator ? undefined : provider.baseUrl
  const isChanged = await stores.models.replace(provider.id, rows, { enablesNew, baseUrl })
  noteModelsSynced(events, log, listed.length)
  return isChanged
}

import { silentLogger } from '@jan/service-kit/logger'
import { createMetrics } from '@jan/service-kit/metrics'
import { expect, test } from '@jest/globals'
import { createEvents } from '../events.ts'
import { environmentProviders } from '../providers/environment-providers.ts'
import type { ListedModel, ProviderClient } from '../providers/provider.client.ts'
import type { ProviderRow } from '../providers/provider.store.ts'
import { keepModelsFresh } from './keep-models-fresh.job.ts'
import type { ListedRow, ModelRow } from './model.store.ts'
import { createModelCatalog } from './model-catalog.ts'

const listed = (id: string): ListedModel => ({ id, ownedBy: 'fake', createdAt: undefined, entry: { id } })
const rowOf = (row: Pick<ListedRow, 'id' | 'modelId' | 'publicId'>): ModelRow => ({
  ...row,
  providerId: PROVIDER.id,
  ownedBy: 'fake',
  listed: {},
  edits: {},
  active: true,
  createdAt: new Date(0),
  updatedAt: new Date(0),
  goneAt: null,
})

const [PROVIDER] = environmentProviders(
  { baseUrl: 'http://provider.test/v1', kind: 'custom', apiKey: undefined, first: undefined, localUrl: undefined },
  false,
) as [ReturnType<typeof environmentProviders>[number]]

/** A catalog over a provider and a store in memory, on a clock that the test turns. */
function catalogOf({ stored = [] as string[], first = undefined as string | undefined } = {}) {
  const world = { time: 0, asks: 0, listed: ['a'], isProviderDown: false, isStoreDown: false }
  const model = { baseUrl: PROVIDER.baseUrl, kind: 'custom', apiKey: undefined, first, localUrl: undefined }
  let rows = stored.map((modelId) => rowOf({ id: `pmdl_${modelId}`, modelId, publicId: modelId }))
  const read = async <T>(value: () => T) => {
    if (world.isStoreDown) throw new Error('store down')
    return value()
  }
  const client = {
    listModels: async () => {
      world.asks += 1
      if (world.isProviderDown) throw new Error('provider down')
      return world.listed.map(listed)
    },
  } as ProviderClient
  const catalog = createModelCatalog({
    stores: {
      providers: {
        provide: () => read(() => undefined),
        list: () => read((): ProviderRow[] => []),
        noteFailure: () => read(() => undefined),
      },
      models: {
        list: () => read(() => rows),
        publicIds: () => read(() => new Map<string, string>()),
        replace: (_id, fresh) =>
          read(() => {
            rows = fresh.map(rowOf)
            return true
          }),
        add: () => read(() => undefined),
      },
      catalogs: { special: () => read(() => []) },
    },
    operators: environmentProviders(model, false),
    clients: { client: () => client, follow: () => undefined },
    cipher: { decrypt: (text) => text },
    settings: { first, aliases: new Map() },
    tell: async () => undefined,
    events: createEvents(createMetrics('test')),
    log: silentLogger,
    now: () => new Date(world.time),
  })
  const ids = async () => (await catalog.list()).map(({ id }) => id)
  return { catalog, world, ids }
}

test('those who ask at once for an unknown model ask the provider once', async () => {
  const { catalog, world } = catalogOf()
  const found = await Promise.all([catalog.find('a'), catalog.find('a'), catalog.find('b')])
  expect(found.map((model) => model?.id)).toEqual(['a', 'a', undefined])
  expect(world.asks).toBe(1)
})

test('unknown names ask the provider at most every five seconds, known ones never', async () => {
  const { catalog, world } = catalogOf()
  await catalog.refresh()
  world.listed.push('b')
  expect(await catalog.find('b')).toBeUndefined()
  world.time += 5_000
  expect((await catalog.find('b'))?.id).toBe('b')
  // From memory, at once: it is asked with every request.
  expect(catalog.find('b')).toMatchObject({ id: 'b' })
  expect(world.asks).toBe(2)
  world.time += 60_000
  await catalog.find('a')
  expect(world.asks).toBe(2)
})

test('what is stored is offered while the provider is down', async () => {
  const { catalog, world, ids } = catalogOf({ stored: ['old'] })
  world.isProviderDown = true
  expect(await ids()).toEqual(['old'])
  expect(await catalog.find('other')).toBeUndefined()
})

test('with nothing to offer, a search says what is wrong', async () => {
  const { catalog, world, ids } = catalogOf()
  world.isProviderDown = true
  await expect(catalog.find('a')).rejects.toThrow('provider down')
  expect(await ids()).toEqual([])
})

test('the operator’s model is found even when nothing can be read, but a list would be a guess', async () => {
  const { catalog, world, ids } = catalogOf({ first: 'mine' })
  world.isStoreDown = true
  expect((await catalog.find('mine'))?.deployments[0]?.modelId).toBe('mine')
  await expect(ids()).rejects.toThrow('store down')
})

test('the background sync goes on after failures and stops when told to', async () => {
  const outcomes = [false, false, true, true]
  let rounds = 0
  let finished = () => {}
  const enough = new Promise<void>((resolve) => {
    finished = resolve
  })
  const job = keepModelsFresh(
    {
      refresh: async () => {
        rounds += 1
        if (rounds === outcomes.length) finished()
        if (!outcomes[rounds - 1]) throw new Error('down')
      },
    },
    { everyMs: 2, retryMs: 1 },
  )
  await enough
  await job.stop()
  const atStop = rounds
  await new Promise((resolve) => setImmediate(resolve))
  expect(rounds).toBe(atStop)
})

import { createInternalTokens, parseInternalKeys } from '@jan/service-kit/internal-token'
import type { Served } from '@jan/testkit/serve'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import OpenAI from 'openai'
import { fakeMediaApi } from './document-fakes.ts'
import { idsOf, toolsFor } from './file-search.ts'
import { INTERNAL_TOKEN_KEYS, startService, type TestService } from './start.ts'

const text = (filename: string, words: string) => ({ owner: 'ada', mime: 'text/plain', filename, text: words })

let media: Served
let service: TestService
let openai: OpenAI
let stranger: OpenAI

beforeAll(async () => {
  media = await fakeMediaApi({
    jan_tides: text('tides.txt', 'The tide rises twice a day because of the moon.'),
    jan_winds: text('winds.txt', 'The wind blows from the west for most of the year.'),
    jan_rocks: text('rocks.txt', 'Rocks of basalt are dark, the moon has plenty of them.'),
    jan_picture: { owner: 'ada', mime: 'image/png', filename: 'picture.png', text: '' },
  })
  service = await startService({ MEDIA_API_URL: media.url })
  const client = async (who: string) =>
    new OpenAI({ baseURL: `${service.url}/v1`, apiKey: await service.issuer.token(who), maxRetries: 0 })
  openai = await client('ada')
  stranger = await client('eve')
})

afterAll(async () => {
  await service.close()
  await media.close()
})

test('a store is made, read, changed, listed and deleted by the SDK [B-025]', async () => {
  const store = await openai.vectorStores.create({
    name: 'Sea',
    metadata: { about: 'water' },
    expires_after: { anchor: 'last_active_at', days: 7 },
  })
  expect(store).toMatchObject({
    object: 'vector_store',
    name: 'Sea',
    status: 'completed',
    usage_bytes: 0,
    metadata: { about: 'water' },
  })
  expect(store.id).toMatch(/^vs_/)
  expect(store.expires_at! - store.last_active_at!).toBe(7 * 86_400)
  expect(await openai.vectorStores.retrieve(store.id)).toEqual(store)
  const changed = await openai.vectorStores.update(store.id, {
    name: 'Ocean',
    metadata: { a: 'b' },
    expires_after: null,
  })
  expect(changed).toMatchObject({ name: 'Ocean', metadata: { a: 'b' }, expires_at: null })

  const made = [store.id]
  for (let nth = 0; nth < 4; nth++) made.push((await openai.vectorStores.create({ name: `${nth}` })).id)
  const listed: string[] = []
  for await (const each of openai.vectorStores.list({ limit: 2, order: 'asc' })) listed.push(each.id)
  expect(listed).toEqual(made)
  const first = await openai.vectorStores.list({ limit: 2 })
  expect(first.data.map(({ id }) => id)).toEqual([made[4], made[3]])

  expect(await openai.vectorStores.delete(store.id)).toMatchObject({ id: store.id, deleted: true })
  await expect(openai.vectorStores.retrieve(store.id)).rejects.toMatchObject({ status: 404, code: 'not_found' })
  for (const id of made.slice(1)) await openai.vectorStores.delete(id)
})

test('files are added, searched with filters, listed, read and removed by the SDK [B-025]', async () => {
  const store = await openai.vectorStores.create({ name: 'Files', file_ids: ['jan_tides'] })
  expect(store.file_counts).toEqual({ in_progress: 0, completed: 1, failed: 0, cancelled: 0, total: 1 })
  const rocks = await openai.vectorStores.files.createAndPoll(store.id, {
    file_id: 'jan_rocks',
    attributes: { year: 2024, kind: 'stone' },
    chunking_strategy: { type: 'static', static: { max_chunk_size_tokens: 200, chunk_overlap_tokens: 50 } },
  })
  expect(rocks).toMatchObject({
    id: 'jan_rocks',
    object: 'vector_store.file',
    status: 'completed',
    last_error: null,
    attributes: { year: 2024, kind: 'stone' },
    chunking_strategy: { type: 'static', static: { max_chunk_size_tokens: 200, chunk_overlap_tokens: 50 } },
  })
  const search = async (more: Partial<OpenAI.VectorStoreSearchParams> = {}) =>
    (await openai.vectorStores.search(store.id, { query: 'moon', ...more })).data
  expect((await search()).map(({ file_id }) => file_id).sort()).toEqual(['jan_rocks', 'jan_tides'])
  const filters: [OpenAI.ComparisonFilter | OpenAI.CompoundFilter, string[]][] = [
    [{ type: 'eq', key: 'kind', value: 'stone' }, ['jan_rocks']],
    [{ type: 'ne', key: 'kind', value: 'stone' }, ['jan_tides']],
    [{ type: 'gte', key: 'year', value: 2024 }, ['jan_rocks']],
    [{ type: 'lt', key: 'year', value: 2024 }, []],
    [{ type: 'in', key: 'kind', value: ['stone', 'wood'] }, ['jan_rocks']],
    [{ type: 'nin', key: 'kind', value: ['stone'] }, ['jan_tides']],
    [
      {
        type: 'and',
        filters: [
          { type: 'gt', key: 'year', value: 2000 },
          { type: 'eq', key: 'kind', value: 'stone' },
        ],
      },
      ['jan_rocks'],
    ],
  ]
  for (const [filter, ids] of filters)
    expect([filter, (await search({ filters: filter })).map(({ file_id }) => file_id)]).toEqual([filter, ids])
  expect(await search({ query: ['basalt', 'tide'], max_num_results: 1 })).toHaveLength(1)
  expect((await search({ query: 'basalt' }))[0]).toMatchObject({
    filename: 'rocks.txt',
    content: [{ type: 'text', text: expect.stringContaining('basalt') }],
  })

  const files: string[] = []
  for await (const file of openai.vectorStores.files.list(store.id, { limit: 1 })) files.push(file.id)
  expect(files).toEqual(['jan_rocks', 'jan_tides'])
  const place = { vector_store_id: store.id }
  expect(
    await openai.vectorStores.files.update('jan_tides', { ...place, attributes: { kind: 'water' } }),
  ).toMatchObject({
    attributes: { kind: 'water' },
  })
  expect(await search({ filters: { type: 'eq', key: 'kind', value: 'water' } })).toHaveLength(1)
  const { data } = await openai.vectorStores.files.content('jan_tides', place)
  expect(data).toEqual([{ type: 'text', text: 'The tide rises twice a day because of the moon.' }])
  expect(await openai.vectorStores.files.delete('jan_tides', place)).toMatchObject({ id: 'jan_tides', deleted: true })
  await expect(openai.vectorStores.files.retrieve('jan_tides', place)).rejects.toMatchObject({ status: 404 })
  expect((await search()).map(({ file_id }) => file_id)).toEqual(['jan_rocks'])
})

test('a file that cannot be read is failed, one that is not there is not found [B-025]', async () => {
  const store = await openai.vectorStores.create({})
  const file = await openai.vectorStores.files.create(store.id, { file_id: 'jan_picture' })
  expect(file).toMatchObject({
    status: 'failed',
    last_error: { code: 'unsupported_file', message: expect.stringMatching(/image/) },
  })
  await expect(openai.vectorStores.files.create(store.id, { file_id: 'jan_nowhere' })).rejects.toMatchObject({
    status: 404,
  })
  const failed = await openai.vectorStores.files.list(store.id, { filter: 'failed' })
  expect(failed.data.map(({ id }) => id)).toEqual(['jan_picture'])
  expect((await openai.vectorStores.files.list(store.id, { filter: 'in_progress' })).data).toEqual([])
})

test('a batch takes several files and tells what became of each [B-025]', async () => {
  const store = await openai.vectorStores.create({})
  const batch = await openai.vectorStores.fileBatches.createAndPoll(store.id, {
    file_ids: ['jan_tides', 'jan_winds', 'jan_picture', 'jan_nowhere'],
    attributes: { batch: true },
  })
  expect(batch).toMatchObject({
    object: 'vector_store.file_batch',
    status: 'completed',
    file_counts: { in_progress: 0, completed: 2, failed: 2, cancelled: 0, total: 4 },
  })
  const place = { vector_store_id: store.id }
  const files = await openai.vectorStores.fileBatches.listFiles(batch.id, { ...place, filter: 'completed' })
  expect(files.data.map(({ id }) => id).sort()).toEqual(['jan_tides', 'jan_winds'])
  expect(await openai.vectorStores.fileBatches.cancel(batch.id, place)).toEqual(batch)
  await expect(openai.vectorStores.fileBatches.retrieve('vsfb_none', place)).rejects.toMatchObject({ status: 404 })
})

test('a batch keeps its counts and its files, whatever later batches add, until its store is deleted [B-091]', async () => {
  const store = await openai.vectorStores.create({})
  const place = { vector_store_id: store.id }
  const { fileBatches } = openai.vectorStores
  const first = await fileBatches.create(store.id, { file_ids: ['jan_tides', 'jan_winds', 'jan_picture'] })
  const second = await fileBatches.create(store.id, { file_ids: ['jan_winds', 'jan_winds', 'jan_rocks'] })
  const filesOf = async (id: string, more: OpenAI.VectorStores.FileBatchListFilesParams) =>
    (await fileBatches.listFiles(id, more)).data.map((file) => file.id).sort()
  expect(first.file_counts).toEqual({ in_progress: 0, completed: 2, failed: 1, cancelled: 0, total: 3 })
  expect(second.file_counts).toEqual({ in_progress: 0, completed: 2, failed: 0, cancelled: 0, total: 2 })
  expect(await fileBatches.retrieve(first.id, place)).toEqual(first)
  expect(await fileBatches.retrieve(second.id, place)).toEqual(second)
  expect(await filesOf(first.id, place)).toEqual(['jan_picture', 'jan_tides', 'jan_winds'])
  expect(await filesOf(first.id, { ...place, filter: 'failed' })).toEqual(['jan_picture'])
  expect(await filesOf(second.id, place)).toEqual(['jan_rocks', 'jan_winds'])
  // What is taken out of the store is in no list of it, and was in the batch all the same.
  await openai.vectorStores.files.delete('jan_winds', place)
  expect(await fileBatches.retrieve(first.id, place)).toEqual(first)
  expect(await filesOf(first.id, place)).toEqual(['jan_picture', 'jan_tides'])

  const elsewhere = await openai.vectorStores.create({})
  const wrong = { vector_store_id: elsewhere.id }
  await expect(fileBatches.retrieve(first.id, wrong)).rejects.toMatchObject({ status: 404 })
  await expect(fileBatches.listFiles('vsfb_none', place)).rejects.toMatchObject({ status: 404 })
  await openai.vectorStores.delete(store.id)
  expect(await service.database.query('SELECT FROM file_batch WHERE id = ANY($1)', [[first.id, second.id]])).toEqual([])
})

test('of a store the newest thousand batches are remembered [B-091]', async () => {
  const store = await openai.vectorStores.create({})
  const place = { vector_store_id: store.id }
  await service.database.query(
    `INSERT INTO file_batch SELECT 'vsfb_old_' || n, $1, '{}', 0, 0, now() - n * interval '1 s' FROM generate_series(1, 1000) n`,
    [store.id],
  )
  const batch = await openai.vectorStores.fileBatches.create(store.id, { file_ids: ['jan_tides'] })
  expect(await openai.vectorStores.fileBatches.retrieve(batch.id, place)).toEqual(batch)
  await openai.vectorStores.fileBatches.retrieve('vsfb_old_999', place)
  const oldest = openai.vectorStores.fileBatches.retrieve('vsfb_old_1000', place)
  await expect(oldest).rejects.toMatchObject({ status: 404 })
})

test('a workspace is told its stores with what is in them and their batches [B-091 B-024]', async () => {
  const store = await openai.vectorStores.create({ name: 'Told' })
  const files = { file_ids: ['jan_tides', 'jan_picture'] }
  const batch = await openai.vectorStores.fileBatches.create(store.id, files)
  const internal = createInternalTokens('llm-api', parseInternalKeys(INTERNAL_TOKEN_KEYS))
  const token = await internal.mint('mcp-tools', { kind: 'service', service: 'llm-api' })
  const headers = { authorization: `Bearer ${token}` }
  const answer = await fetch(`${service.url}/internal/workspaces/ada/export`, { headers })
  const { vector_stores } = (await answer.json()) as { vector_stores: { id: string }[] }
  expect(vector_stores.find(({ id }) => id === store.id)).toMatchObject({
    name: 'Told',
    file_counts: { completed: 1, failed: 1, total: 2 },
    file_batches: [{ ...batch, file_ids: files.file_ids }],
  })
})

test('stores hold the same documents that the tools find, and are their owner’s alone [B-025 B-061]', async () => {
  const tools = toolsFor(service, service.authorization)
  const store = await openai.vectorStores.create({ name: 'Shared', file_ids: ['jan_winds'] })
  expect(idsOf(await tools('file_search_query', { query: 'west', vector_store_id: store.id }))).toEqual(['jan_winds'])
  await tools('file_search_index', {
    document_id: 'note',
    text: 'Storms come from the west.',
    vector_store_id: store.id,
  })
  const { data } = await openai.vectorStores.search(store.id, { query: 'storms' })
  expect(data[0]).toMatchObject({ file_id: 'note' })

  const refusals = [
    stranger.vectorStores.retrieve(store.id),
    stranger.vectorStores.update(store.id, { name: 'mine' }),
    stranger.vectorStores.search(store.id, { query: 'west' }),
    stranger.vectorStores.delete(store.id),
    stranger.vectorStores.files.list(store.id),
    stranger.vectorStores.files.create(store.id, { file_id: 'jan_winds' }),
  ]
  for (const refusal of refusals) await expect(refusal).rejects.toMatchObject({ status: 404 })
  expect((await stranger.vectorStores.list()).data).toEqual([])
})

test('what does not fit is refused in OpenAI’s words, and an expired store is not searched [B-025]', async () => {
  const store = await openai.vectorStores.create({ expires_after: { anchor: 'last_active_at', days: 1 } })
  const wrong = {
    file_id: 'jan_winds',
    chunking_strategy: { type: 'static', static: { max_chunk_size_tokens: 200, chunk_overlap_tokens: 150 } },
  } as const
  await expect(openai.vectorStores.files.create(store.id, wrong)).rejects.toMatchObject({
    status: 400,
    type: 'invalid_request_error',
  })
  await expect(openai.vectorStores.list({ limit: 1000 })).rejects.toMatchObject({ status: 400, param: 'limit' })
  await service.database.query(`UPDATE collection SET last_active_at = now() - interval '2 days' WHERE id = $1`, [
    store.id,
  ])
  expect(await openai.vectorStores.retrieve(store.id)).toMatchObject({ status: 'expired' })
  await expect(openai.vectorStores.search(store.id, { query: 'x' })).rejects.toMatchObject({ status: 400 })
})

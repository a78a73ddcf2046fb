import type { Served } from '@jan/testkit/serve'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import OpenAI from 'openai'
import { fakeMediaApi } from './document-fakes.ts'
import { toolsFor } from './file-search.ts'
import { startService, type TestService } from './start.ts'

let media: Served
let service: TestService

beforeAll(async () => {
  media = await fakeMediaApi({
    jan_long: { owner: 'ada', mime: 'text/plain', filename: 'long.txt', text: 'long '.repeat(300) },
  })
  service = await startService({
    MEDIA_API_URL: media.url,
    MCP_VECTOR_STORES_MAX: '3',
    MCP_DOCUMENTS_MAX_BYTES: '1000',
  })
})

afterAll(async () => {
  await service.close()
  await media.close()
})

const openAiOf = async (who: string) =>
  new OpenAI({ baseURL: `${service.url}/v1`, apiKey: await service.issuer.token(who), maxRetries: 0 })
const toolsOf = async (who: string) => toolsFor(service, (await service.issuer.bearer(who)).authorization)
const bytesOf = async (who: string) =>
  (await service.database.query('SELECT sum(bytes)::int AS bytes FROM document WHERE workspace_id = $1', [who]))[0]!
    .bytes

test('a workspace has so many vector stores, however many are asked for at once [B-090]', async () => {
  const ada = await openAiOf('ada')
  const asked = await Promise.allSettled(Array.from({ length: 8 }, () => ada.vectorStores.create({})))
  const refused = asked.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
  expect(refused).toHaveLength(5)
  for (const error of refused) {
    expect(error).toMatchObject({ status: 403 })
    expect(error.message).toMatch(/at most 3 vector stores.*delete/)
  }
  // Where documents go that no store was named for, there is always room, and others have their own.
  const index = await toolsOf('ada')
  expect(await index('file_search_index', { document_id: 'note', text: 'A note.' })).toMatchObject({
    status: 'indexed',
  })
  await (await openAiOf('eve')).vectorStores.create({})
  const { data } = await ada.vectorStores.list()
  expect(data).toHaveLength(4)
  const own = data.find(({ name }) => name !== 'Documents')!
  await ada.vectorStores.delete(own.id)
  await ada.vectorStores.create({ name: 'room again' })
})

test('a workspace has so many bytes of text, however many documents come at once [B-090]', async () => {
  const bob = await toolsOf('bob')
  // Two bytes each in UTF-8.
  const index = (document_id: string, letters = 150) =>
    bob('file_search_index', { document_id, text: 'ä'.repeat(letters) })
  const told = await Promise.all(Array.from({ length: 6 }, (_, nth) => index(`at once ${nth}`)))
  const refused = told.flatMap(({ error }) => error ?? [])
  expect(refused).toHaveLength(3)
  for (const error of refused) expect(error).toMatch(/1000 bytes of text at most.*delete/)
  expect(await bytesOf('bob')).toBe(900)
  const { documents } = await bob('file_search_list', {})
  const [first, second] = documents.map(({ document_id }: { document_id: string }) => document_id)
  // What is replaced does not count, and what was refused has replaced nothing.
  expect(await index(first, 200)).toMatchObject({ status: 'indexed' })
  expect((await index(first, 201)).error).toMatch(/1000 bytes/)
  expect(await bytesOf('bob')).toBe(1000)
  await bob('file_search_delete', { document_id: second })
  expect(await index('room again')).toMatchObject({ status: 'indexed' })
})

test('a file for which there is no room is refused alone, and failed in a batch [B-090]', async () => {
  const ada = await openAiOf('ada')
  const [store] = (await ada.vectorStores.list()).data
  await expect(ada.vectorStores.files.create(store!.id, { file_id: 'jan_long' })).rejects.toMatchObject({ status: 403 })
  const batch = await ada.vectorStores.fileBatches.create(store!.id, { file_ids: ['jan_long'] })
  expect(batch).toMatchObject({ status: 'completed', file_counts: { completed: 0, failed: 1, total: 1 } })
  const { data } = await ada.vectorStores.fileBatches.listFiles(batch.id, { vector_store_id: store!.id })
  expect(data).toMatchObject([{ status: 'failed', last_error: { message: expect.stringMatching(/1000 bytes/) } }])
})

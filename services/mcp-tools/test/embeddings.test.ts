import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { fakeEmbeddings } from './document-fakes.ts'
import { idsOf, toolsFor } from './file-search.ts'
import { startService, type TestService } from './start.ts'

let llm: Awaited<ReturnType<typeof fakeEmbeddings>>
let service: TestService
let ada: ReturnType<typeof toolsFor>

beforeAll(async () => {
  llm = await fakeEmbeddings()
  service = await startService({ LLM_API_URL: llm.url, MCP_EMBEDDING_MODEL: 'meanings-1' })
  ada = toolsFor(service, service.authorization)
})

afterAll(async () => {
  await service.close()
  await llm.close()
})

const index = (document_id: string, text: string) => ada('file_search_index', { document_id, text })

test('what was found by its words is ranked by its meaning, too [B-023]', async () => {
  expect(await index('boat', 'Rules of the road for every small harbour.')).toMatchObject({
    embedding_model: 'meanings-1',
  })
  await index('drive', 'Rules of the road, road, road for every automobile.')
  await index('pets', 'Rules of the house for every kitten of the sea.')
  const found = await ada('file_search_query', { query: 'rules of the road, on the ocean' })
  expect(found).toMatchObject({ ranking: 'text_and_vectors' })
  expect(found).not.toHaveProperty('notice')
  const [first] = idsOf(found)
  expect(first).toBe('boat')
  for (const { score } of found.results) {
    expect(score).toBeGreaterThan(0)
    expect(score).toBeLessThanOrEqual(1)
  }
  expect(llm.state.asked.every(({ model, owner }) => model === 'meanings-1' && owner === 'ada')).toBe(true)
})

test('a model that fails fails neither indexing nor searching, and it is said [B-023]', async () => {
  llm.state.broken = true
  const indexed = await index('alone', 'The platypus lays eggs.')
  expect(indexed).toMatchObject({
    status: 'indexed',
    embedding_model: null,
    notice: expect.stringMatching(/embedding model failed/),
  })
  const found = await ada('file_search_query', { query: 'platypus' })
  expect(found).toMatchObject({
    ranking: 'text',
    notice: expect.stringMatching(/words only.*The model is being loaded/),
  })
  expect(idsOf(found)).toEqual(['alone'])
  llm.state.broken = false
  const mixed = await ada('file_search_query', { query: 'platypus kitten' })
  expect(idsOf(mixed).sort()).toEqual(['alone', 'pets'])
})

test('vectors of another model are not compared [B-023]', async () => {
  await service.database.query(`UPDATE document SET embedding_model = 'meanings-0' WHERE id = 'boat'`)
  const found = await ada('file_search_query', { query: 'rules of the road, on the ocean' })
  expect(idsOf(found)).toContain('boat')
})

test('a long document is embedded in several requests, its pieces in their order [B-023]', async () => {
  const text = Array.from({ length: 1500 }, (_, nth) => `Sentence ${nth} tells how the ferry crosses the water.`).join(
    ' ',
  )
  const before = llm.state.asked.length
  const { chunk_count } = await index('long', text)
  const asked = llm.state.asked.slice(before)
  expect(asked.length).toBe(Math.ceil(Number(chunk_count) / 64))
  expect(asked.flatMap(({ input }) => input)).toHaveLength(Number(chunk_count))
})

import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { fakeSearchService } from './document-fakes.ts'
import { idsOf, toolsFor } from './file-search.ts'
import { startService, type TestService } from './start.ts'

let remote: Awaited<ReturnType<typeof fakeSearchService>>
let service: TestService
let ada: ReturnType<typeof toolsFor>
let eve: ReturnType<typeof toolsFor>

beforeAll(async () => {
  remote = await fakeSearchService()
  service = await startService({ VECTOR_STORE_URL: remote.url })
  ada = toolsFor(service, service.authorization)
  eve = toolsFor(service, (await service.issuer.bearer('eve')).authorization)
})

afterAll(async () => {
  await service.close()
  await remote.close()
})

test('the service at VECTOR_STORE_URL indexes and searches, and people never meet there [B-026 B-061 P-048]', async () => {
  for (const [who, text] of [
    [ada, 'Ada keeps bees in the garden.'],
    [eve, 'Eve keeps bees on the roof.'],
  ] as const)
    expect(
      await who('file_search_index', { document_id: 'bees', text, tags: ['animals'], metadata: { year: 1 } }),
    ).toMatchObject({
      status: 'indexed',
    })
  expect(remote.documents.size).toBe(2)
  for (let nth = 0; nth < 30; nth++)
    await eve('file_search_index', { document_id: `bees ${nth}`, text: 'bees bees bees' })
  const found = await ada('file_search_query', { query: 'bees', top_k: 20 })
  expect(found.results).toMatchObject([
    { document_id: 'bees', text_preview: 'Ada keeps bees in the garden.', tags: ['animals'] },
  ])
  expect(await ada('file_search_query', { query: 'bees', tags: ['plants'] })).toMatchObject({ count: 0 })
  expect(idsOf(await ada('file_search_query', { query: 'bees', metadata: { year: 1 } }))).toEqual(['bees'])
})

test('what is deleted is emptied there, because its wire cannot delete [B-026]', async () => {
  const { documents } = await ada('file_search_list', {})
  expect(documents).toMatchObject([{ document_id: 'bees' }])
  await ada('file_search_delete', { document_id: 'bees' })
  expect(await ada('file_search_query', { query: 'bees' })).toMatchObject({ count: 0 })
  expect([...remote.documents.values()].some(({ text }) => text.includes('Ada'))).toBe(false)
})

test('when it is away, that is said, and nothing is kept of what it did not take [B-026]', async () => {
  await remote.close()
  const failed = await ada('file_search_index', { document_id: 'late', text: 'Too late.' })
  expect(failed.error).toMatch(/not reachable/)
  expect(await ada('file_search_list', {})).toEqual({ documents: [], next: null })
})

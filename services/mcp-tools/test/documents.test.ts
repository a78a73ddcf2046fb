import { createInternalTokens, parseInternalKeys } from '@jan/service-kit/internal-token'
import { type Served, serve } from '@jan/testkit/serve'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { listDocuments } from '../src/documents/list-documents.ts'
import { readDocument } from '../src/documents/read-document.ts'
import { searchDocuments } from '../src/documents/search-documents.ts'
import { fakeMediaApi } from './document-fakes.ts'
import { idsOf, toolsFor } from './file-search.ts'
import { INTERNAL_TOKEN_KEYS, startService, type TestService } from './start.ts'

type Tools = ReturnType<typeof toolsFor>

const REPORT = {
  owner: 'ada',
  mime: 'application/pdf',
  filename: 'report.pdf',
  text: 'The turbine produced 40 MWh in May.',
}

let media: Served
let page: Served
let service: TestService
let ada: Tools
let guest: Tools
let eve: Tools

beforeAll(async () => {
  media = await fakeMediaApi({
    jan_report: REPORT,
    jan_picture: { owner: 'ada', mime: 'image/png', filename: 'a.png', text: '' },
  })
  page = await serve((_request, response) => {
    const body = `<html><head><title>Lighthouses</title></head><body><article><h1>Lighthouses</h1>
      <p>${'A lighthouse guides ships along dangerous coasts at night. '.repeat(20)}</p></article></body></html>`
    response.writeHead(200, { 'content-type': 'text/html' }).end(body)
  })
  service = await startService({
    MEDIA_API_URL: media.url,
    OUTBOUND_ALLOW: `127.0.0.1:${page.port}`,
    MCP_DOCUMENT_MAX_CHARS: '5000',
    MCP_DOCUMENTS_MAX: '40',
  })
  ada = toolsFor(service, service.authorization)
  const { authorization } = await service.issuer.bearer('a-guest', { realm_access: { roles: ['guest'] } })
  guest = toolsFor(service, authorization)
  eve = toolsFor(service, (await service.issuer.bearer('eve')).authorization)
})

afterAll(async () => {
  await service.close()
  await media.close()
  await page.close()
})

const index = (id: string, text: string, more: object = {}) =>
  ada('file_search_index', { document_id: id, text, ...more })

test('a text is indexed and found, and what is indexed again keeps the time of its making [B-021 B-067]', async () => {
  const first = await index('bees', 'Bees were making honey in the old garden.')
  expect(first).toMatchObject({
    document_id: 'bees',
    status: 'indexed',
    chunk_count: 1,
    token_count: 8,
    language: 'english',
  })
  const found = await ada('file_search_query', { query: 'Which bee makes honey?' })
  expect(found).toMatchObject({ top_k: 5, count: 1, ranking: 'text' })
  expect(idsOf(found)).toEqual(['bees'])
  const again = await index('bees', 'Wasps build nests of paper.')
  expect(again.created_at).toBe(first.created_at)
  expect(await ada('file_search_query', { query: 'honey' })).toMatchObject({ count: 0, results: [] })
  expect(await ada('file_search_query', { query: 'wasp' })).toMatchObject({ count: 1 })
})

test.each([
  ['German', 'Die Häuser der alten Städte sind aus Stein gebaut, und die Dächer aus Schiefer.', 'Haus Stadt', 'german'],
  ['French', 'Les chevaux couraient dans les prairies de la vallée avec le vent.', 'prairie', 'french'],
  ['Russian', 'Книги стояли на полках старой библиотеки.', 'книга библиотека', 'russian'],
  ['Greek', 'Η θάλασσα είναι ήρεμη το πρωί.', 'θάλασσα', 'greek'],
  ['Arabic', 'القطط تنام في الشمس طوال اليوم', 'الشمس', 'arabic'],
  ['Hebrew', 'הספרייה פתוחה עד שעה שמונה בערב', 'הספרייה', 'simple'],
  ['Hindi', 'नदी के किनारे एक पुराना मंदिर है', 'मंदिर', 'hindi'],
  ['Chinese', '北京是中华人民共和国的首都，也是全国的政治中心。', '首都', 'simple'],
  ['one letter of Chinese', '這隻貓在睡覺。', '貓', 'simple'],
  ['Japanese', '東京は日本の首都であり、世界最大の都市の一つです。', '日本の首都はどこですか', 'simple'],
  ['Korean', '서울은 대한민국의 수도이다', '서울', 'simple'],
  ['Thai', 'แมวตัวนี้ชอบกินปลาและนอนหลับทั้งวัน', 'กินปลา', 'simple'],
  ['accents written apart', 'Le cafe\u0301 de la place est ouvert.', 'café', 'french'],
  ['full width and capitals', 'ＡＢＣ１２３ is the part number.', 'abc123', 'english'],
])('words are found in %s [B-021 B-067]', async (name, text, query, language) => {
  expect(await index(`in ${name}`, text)).toMatchObject({ language })
  const found = await ada('file_search_query', { query })
  expect(idsOf(found)[0]).toBe(`in ${name}`)
})

test('rare words count for more than common ones, and all-small-words questions are answered, too [B-021]', async () => {
  for (let nth = 0; nth < 8; nth++)
    await index(`zoo ${nth}`, `The zoo keeper feeds animals, number ${nth}.`, { tags: ['zoo'] })
  await index('zoo okapi', 'An okapi is an animal.', { tags: ['zoo'] })
  const found = await ada('file_search_query', {
    query: 'Does the zoo keeper feed the okapi?',
    tags: ['zoo'],
    top_k: 3,
  })
  expect(idsOf(found)).toContain('zoo okapi')
  await index('band', 'The Who', { tags: ['band'] })
  expect(idsOf(await ada('file_search_query', { query: 'the who', tags: ['band'] }))).toEqual(['band'])
})

test('a question is narrowed by tags, metadata and ids; a hit tells its place and the words around it [B-022]', async () => {
  const text = `${'Nothing of interest stands here. '.repeat(50)}The walrus lives on ice. ${'More of nothing. '.repeat(50)}`
  await index('walrus a', text, { tags: ['sea', 'ice'], metadata: { year: 2024, place: { pole: 'north' } } })
  await index('walrus b', 'A walrus has tusks.', { tags: ['sea'], metadata: { year: 2023 } })
  const query = async (more: object) => idsOf(await ada('file_search_query', { query: 'walrus', ...more }))
  expect((await query({})).sort()).toEqual(['walrus a', 'walrus b'])
  expect(await query({ tags: ['sea', 'ice'] })).toEqual(['walrus a'])
  expect(await query({ metadata: { year: 2023 } })).toEqual(['walrus b'])
  expect(await query({ metadata: { place: { pole: 'north' } } })).toEqual(['walrus a'])
  expect(await query({ document_ids: ['walrus b', 'unknown'] })).toEqual(['walrus b'])
  expect(await query({ document_ids: [] })).toEqual([])
  const { results } = await ada('file_search_query', { query: 'walrus', tags: ['ice'] })
  const [hit] = results
  expect(hit!.text_preview).toContain('The walrus lives on ice.')
  expect(text.slice(hit!.preview_start, hit!.preview_end)).toBe(hit!.text_preview)
  expect(text.slice(hit!.start_index, hit!.end_index)).toBe(hit!.text)
  expect(hit).toMatchObject({ tags: ['sea', 'ice'], metadata: { year: 2024 }, source: null })
})

test('top_k is 5 unless it is sensible, and 20 at most [B-022]', async () => {
  const asked = async (top_k?: number) => (await ada('file_search_query', { query: 'x', top_k })).top_k
  expect(await Promise.all([undefined, 0, -3, 7.9, 100].map(asked))).toEqual([5, 5, 5, 7, 20])
})

test('a file of the caller is read by media-api as the caller, a page through the guard [B-021]', async () => {
  expect(await ada('file_search_index', { media_id: 'jan_report' })).toMatchObject({
    document_id: 'jan_report',
    title: 'report.pdf',
    source: 'jan_report',
  })
  expect(idsOf(await ada('file_search_query', { query: 'turbine' }))).toEqual(['jan_report'])
  expect(await guest('file_search_index', { media_id: 'jan_report' })).toMatchObject({
    error: expect.stringMatching(/not found/),
  })
  expect(await ada('file_search_index', { media_id: 'jan_picture' })).toMatchObject({
    error: expect.stringMatching(/no text in image/),
  })

  const url = `${page.url}/lights`
  expect(await ada('file_search_index', { url })).toMatchObject({ document_id: url, title: 'Lighthouses', source: url })
  const private_ = await ada('file_search_index', { url: 'http://127.0.0.1:1/' })
  expect(private_.error).toBeTruthy()
})

test('documents are their owner’s: nobody else finds, lists or deletes them [B-061]', async () => {
  await index('secret', 'The password is swordfish.')
  expect(await guest('file_search_query', { query: 'swordfish' })).toMatchObject({ count: 0 })
  expect(await guest('file_search_query', { query: 'swordfish', document_ids: ['secret'] })).toMatchObject({ count: 0 })
  expect(await guest('file_search_delete', { document_id: 'secret' })).toMatchObject({
    error: expect.stringMatching(/not found/),
  })
  const { vector_store_id } = await index('secret', 'The password is swordfish.')
  expect(await guest('file_search_list', { vector_store_id })).toEqual({ documents: [], next: null })
  const stolen = await guest('file_search_index', { document_id: 'secret', text: 'mine', vector_store_id })
  expect(stolen.error).toMatch(/not found/)
  await guest('file_search_index', { document_id: 'secret', text: 'A guest has a secret, too.' })
  expect(await ada('file_search_query', { query: 'swordfish' })).toMatchObject({ count: 1 })
})

test('another replica has them all the same, and so has one that starts later [B-061]', async () => {
  await index('kept', 'Quokkas smile.')
  const other = await startService({ MCP_TOOLS_DATABASE_URL: service.database.url })
  const { authorization } = await other.issuer.bearer('ada')
  expect(idsOf(await toolsFor(other, authorization)('file_search_query', { query: 'quokka' }))).toEqual(['kept'])
  await other.close()
})

test('documents are listed page by page and deleted [B-024]', async () => {
  const listed: string[] = []
  for (let after: string | undefined; ; ) {
    const { documents, next } = await ada('file_search_list', { limit: 5, ...(after ? { after } : {}) })
    listed.push(...documents.map(({ document_id }: { document_id: string }) => document_id))
    if (next === null) break
    after = next
  }
  expect(new Set(listed).size).toBe(listed.length)
  expect(listed).toEqual(expect.arrayContaining(['secret', 'jan_report']))
  expect(await ada('file_search_delete', { document_id: 'secret' })).toEqual({ document_id: 'secret', deleted: true })
  expect(await ada('file_search_query', { query: 'swordfish' })).toMatchObject({ count: 0 })
  expect((await ada('file_search_delete', { document_id: 'secret' })).error).toMatch(/not found/)
})

test('what cannot be indexed says why [B-021]', async () => {
  const refused = async (args: object) => (await ada('file_search_index', args)).error
  expect(await refused({ document_id: 'x', text: 'a'.repeat(5001) })).toMatch(/5001 characters; there may be 5000/)
  expect(await refused({ document_id: 'x', text: '  ' })).toMatch(/no text/)
  expect(await refused({ document_id: 'x' })).toMatch(/exactly one of text, media_id and url/)
  expect(await refused({ text: 'without a name' })).toMatch(/document_id/)
  expect(await refused({ document_id: 'x', text: 'a', url: 'http://a.example' })).toMatch(/exactly one/)
  expect(await refused({ document_id: 'a\0b', text: 'a' })).toMatch(/NUL/)
  expect(await refused({ document_id: 'x', text: 'a', metadata: { a: 'b\0' } })).toMatch(/NUL/)
  expect(await index('odd', 'a NUL \0 and half \ud83d a bee')).toMatchObject({ status: 'indexed' })
  expect((await ada('file_search_query', { query: ' ' })).count).toBe(0)
  expect((await ada('file_search_query', {})).error).toMatch(/query/)
  expect(await ada('file_search_query', { query: `'); DROP TABLE "document"; -- \\ ' & | ! : * <->` })).toMatchObject({
    ranking: 'text',
  })
})

test('a workspace holds so many documents and no more; one can still be replaced [B-061]', async () => {
  for (let nth = 0; nth < 40; nth++) await eve('file_search_index', { document_id: `${nth}`, text: `Number ${nth}` })
  expect((await eve('file_search_index', { document_id: 'one more', text: 'x' })).error).toMatch(/40 documents at most/)
  expect(await eve('file_search_index', { document_id: '7', text: 'Seven' })).toMatchObject({ status: 'indexed' })
})

test('other parts search, list and read the documents of a workspace [B-021]', async () => {
  const text = `${'Filler words come first. '.repeat(100)}The axolotl regrows its legs.`
  await index('axolotl', text, { title: 'Axolotls' })
  const [found] = await searchDocuments(service.deps, 'ada', 'axolotl legs', 3)
  expect(found).toMatchObject({ document: { id: 'axolotl', title: 'Axolotls' } })
  expect(text.slice(found!.start, found!.end)).toBe(found!.preview)
  const { documents, next } = await listDocuments(service.deps, 'ada', { limit: 1 })
  expect(documents).toMatchObject([{ id: 'axolotl' }])
  expect((await listDocuments(service.deps, 'ada', { limit: 1, after: next })).documents[0]!.id).not.toBe('axolotl')
  expect(await readDocument(service.deps, 'ada', 'axolotl')).toMatchObject({ text })
  expect(await readDocument(service.deps, 'eve', 'axolotl')).toBeUndefined()
})

test('a workspace is told with its texts, and erased [B-024]', async () => {
  const internal = createInternalTokens('llm-api', parseInternalKeys(INTERNAL_TOKEN_KEYS))
  const ask = async (method: string, path: string) =>
    fetch(`${service.url}/internal/workspaces/ada${path}`, {
      method,
      headers: { authorization: `Bearer ${await internal.mint('mcp-tools', { kind: 'service', service: 'llm-api' })}` },
    })
  const told = (await (await ask('GET', '/export')).json()) as Record<string, { document_id?: string; text?: string }[]>
  expect(told.vector_stores).toHaveLength(1)
  expect(told.documents!.find(({ document_id }) => document_id === 'kept')).toMatchObject({ text: 'Quokkas smile.' })
  expect((await ask('DELETE', '')).status).toBe(204)
  expect(await ada('file_search_list', {})).toEqual({ documents: [], next: null })
  expect(await service.database.query('SELECT 1 FROM document_chunk WHERE workspace_id = $1', ['ada'])).toEqual([])
  expect(await eve('file_search_query', { query: 'seven' })).toMatchObject({ count: 1 })
})

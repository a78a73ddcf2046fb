import { afterAll, beforeAll, expect, test } from '@jest/globals'
import OpenAI, { toFile } from 'openai'
import { at, get, guestToken, type Json } from '../platform.ts'
import { callTool, connectV2, rpc } from './mcp.ts'
import { newUser } from './people.ts'

/** What a client does one after another: it greets, looks what there is, searches, reads, keeps and computes. */

let client: Json
let token: string
let stranger: string
beforeAll(async () => {
  ;[token, stranger] = await Promise.all([newUser().then((user) => user.token), guestToken()])
  client = await connectV2('/v1/mcp', token)
})
afterAll(() => client.close())

const call = async (name: string, args: object): Promise<Json> => {
  const result = await client.callTool({ name, arguments: args })
  expect([name, result.isError ?? false, result.content[0].text]).toEqual([name, false, expect.any(String)])
  return result.structuredContent
}

test('it is greeted, and told every argument of the tools [B-062 B-082]', async () => {
  const { tools } = await client.listTools()
  const argumentsOf = (name: string) => {
    const { properties, required = [] } = tools.find((tool: Json) => tool.name === name).inputSchema
    return [Object.keys(properties), required]
  }
  expect(client.getServerCapabilities().tools).toEqual({ listChanged: true })
  expect(argumentsOf('google_search')).toEqual([
    expect.arrayContaining(['q', 'gl', 'hl', 'location', 'num', 'tbs', 'page', 'autocorrect', 'domain_allow_list']),
    ['q'],
  ])
  expect(argumentsOf('google_search')[0]).toEqual(expect.arrayContaining(['location_hint', 'offline_mode']))
  expect(argumentsOf('scrape')).toEqual([expect.arrayContaining(['url', 'includeMarkdown']), ['url']])
  expect(argumentsOf('file_search_index')[0]).toEqual(
    expect.arrayContaining(['document_id', 'text', 'tags', 'metadata']),
  )
  expect(argumentsOf('file_search_query')).toEqual([expect.arrayContaining(['top_k', 'document_ids']), ['query']])
  expect(argumentsOf('python_exec')).toEqual([expect.arrayContaining(['code', 'language', 'session_id']), ['code']])
  expect(argumentsOf('python_exec')[0]).not.toContain('approved')
})

test('a search is answered in the known document, and its pages can be read [B-015 B-064 B-082 B-087]', async () => {
  const found = await call('google_search', { q: 'tool policy rules', num: 2, domain_allow_list: ['localhost'] })
  expect(found).toMatchObject({
    query: 'tool policy rules',
    engine: 'offline',
    live: false,
    cache_status: 'offline',
    metadata: { engine: 'offline', live: false, domain_allow_list: ['localhost'] },
    raw: { searchParameters: { q: 'tool policy rules', num: 2 } },
  })
  expect(found.results[0]).toEqual({
    position: 1,
    title: expect.any(String),
    source_url: expect.stringContaining(at('gateway', '/v1/mcp/docs/')),
    snippet: expect.any(String),
    cache_status: 'offline',
    fetched_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
  })
  expect(found.raw.organic[0]).toMatchObject({ link: found.results[0].source_url })
  expect(found.citations).toEqual(found.results.map((result: Json) => result.source_url))
  expect(await get(found.citations[0])).toMatchObject({ status: 200, body: expect.stringMatching(/^# /m) })
  const nothing = await call('google_search', { q: 'zzqx qqvw', offline_mode: true })
  expect(nothing).toMatchObject({ citations: [], results: [{ live: false, cache_status: 'fallback' }] })
})

test('a page is read, and nothing private is [B-017 B-020 B-065 B-082]', async () => {
  const page = await call('scrape', { url: at('examples', '/'), include_markdown: true })
  expect(page).toMatchObject({
    source_url: at('examples', '/'),
    text: expect.stringContaining('Harbour is a made-up file server'),
    text_preview: expect.any(String),
    markdown: expect.stringContaining('| Task |'),
    metadata: { status: 200 },
    cache_status: expect.stringMatching(/^(live|cached|revalidated)$/),
    fetched_at: expect.any(String),
  })
  for (const url of ['http://169.254.169.254/latest/meta-data/', 'http://10.0.0.1/', 'http://[::1]/', at('llm-api')])
    expect(await client.callTool({ name: 'scrape', arguments: { url } })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/not on the public internet|Only ports 80 and 443 are fetched/) }],
    })
})

test('documents are indexed, found, listed and deleted, by their owner [B-021 B-024 B-061 B-082]', async () => {
  const tides = { document_id: 'tides', tags: ['sea'], metadata: { year: 2024 } }
  expect(await call('file_search_index', { ...tides, text: 'The tide rises because of the moon.' })).toMatchObject({
    document_id: 'tides',
    status: 'indexed',
    indexed_at: expect.any(String),
    token_count: expect.any(Number),
  })
  const found = await call('file_search_query', { query: 'moon', document_ids: ['tides'] })
  expect(found).toMatchObject({ query: 'moon', top_k: 5, count: 1 })
  expect(found.results[0]).toMatchObject({ ...tides, score: expect.any(Number), text_preview: expect.any(String) })
  expect(await callTool(stranger, 'file_search_query', { query: 'moon' })).toMatchObject({
    structuredContent: { count: 0, results: [] },
  })
  expect(await callTool(stranger, 'file_search_delete', { document_id: 'tides' })).toMatchObject({ isError: true })
  expect((await call('google_search', { q: 'tide moon' })).results[0].snippet).toContain('moon')
  expect((await call('file_search_list', {})).documents).toMatchObject([tides])
  expect(await call('file_search_delete', { document_id: 'tides' })).toEqual({ document_id: 'tides', deleted: true })
  expect((await call('file_search_query', { query: 'moon' })).count).toBe(0)
})

test('what a program writes is its owner’s media, and can be given to the next one [B-029 B-082]', async () => {
  const written = await call('python_exec', { code: 'open("n.csv", "w").write("a,b\\n6,7\\n")\nprint("done")' })
  expect(written).toMatchObject({ stdout: 'done\n', stderr: '', error: null, status: 'success', session_id: null })
  const [artifact] = written.artifacts
  expect(artifact).toMatchObject({ id: expect.stringMatching(/^jan_/), name: 'n.csv', mime: 'text/csv', bytes: 8 })
  const path = at('gateway', `/v1/media/${artifact.id}`)
  expect(await get(path, token)).toMatchObject({ status: 200, body: 'a,b\n6,7\n' })
  expect((await get(path, stranger)).status).toBe(404)
  expect((await get(path)).status).toBe(401)
  expect((await get(artifact.url)).body).toBe('a,b\n6,7\n')
  expect(await callTool(stranger, 'python_exec', { code: '1', files: [artifact.id] })).toMatchObject({ isError: true })
  const code = 'readFile("n.csv").trim().split("\\n")[1].split(",").reduce((one, other) => one * other)'
  const next = await call('python_exec', { code, language: 'javascript', files: [artifact.id] })
  expect([next.result, next.error]).toEqual(['42', null])
  const failed = await callTool(token, 'python_exec', { code: '1/0' })
  expect(failed.structuredContent).toMatchObject({ status: 'failed', error: expect.stringContaining('ZeroDivision') })
}, 60_000)

test('the OpenAI SDK keeps files in a vector store, finds and removes them [B-025 B-083]', async () => {
  const openaiOf = (apiKey: string) => new OpenAI({ baseURL: at('gateway', '/v1'), apiKey, maxRetries: 0 })
  const [openai, other] = [openaiOf(token), openaiOf(stranger)]
  const [winds, store] = await Promise.all([
    openai.files.create({
      file: await toFile(Buffer.from('The wind blows from the west.'), 'winds.txt', { type: 'text/plain' }),
      purpose: 'assistants',
    }),
    openai.vectorStores.create({ name: 'Weather' }),
  ])
  const place = { vector_store_id: store.id }
  const attached = await openai.vectorStores.files.createAndPoll(store.id, {
    file_id: winds.id,
    attributes: { kind: 'air' },
  })
  expect(attached).toMatchObject({ id: winds.id, status: 'completed', attributes: { kind: 'air' } })
  const { data } = await openai.vectorStores.search(store.id, {
    query: 'west',
    filters: { type: 'eq', key: 'kind', value: 'air' },
  })
  expect(data).toMatchObject([{ file_id: winds.id, filename: 'winds.txt', content: [{ type: 'text' }] }])
  expect(await call('file_search_query', { query: 'wind', ...place })).toMatchObject({ count: 1 })
  for (const refused of [
    other.vectorStores.retrieve(store.id),
    other.vectorStores.search(store.id, { query: 'west' }),
    other.vectorStores.files.content(winds.id, place),
    other.vectorStores.delete(store.id),
  ])
    await expect(refused).rejects.toBeInstanceOf(OpenAI.NotFoundError)
  expect(await openai.vectorStores.files.delete(winds.id, place)).toMatchObject({ deleted: true })
  expect((await openai.vectorStores.search(store.id, { query: 'west' })).data).toEqual([])
  expect(await openai.vectorStores.delete(store.id)).toMatchObject({ id: store.id, deleted: true })
  await expect(openai.vectorStores.retrieve(store.id)).rejects.toBeInstanceOf(OpenAI.NotFoundError)
})

test('an unknown tool is an error of the protocol, wrong arguments a result to mend [P-025 P-026 B-008]', async () => {
  expect((await rpc('tools/call', { name: 'nope', arguments: {} }, { token })).body.error).toMatchObject({
    code: -32602,
  })
  expect(await callTool(token, 'google_search', {})).toMatchObject({
    isError: true,
    content: [{ text: expect.stringContaining('q') }],
    _meta: { 'jan/code': -32602 },
  })
})

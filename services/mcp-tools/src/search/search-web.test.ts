import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createMemoryCache } from '../cache/cache.ts'
import { createSearchMemory } from './engine-cache.ts'
import { createEngines, type EngineSettings, orderEngines } from './engine-order.ts'
import { createOfflineEngine } from './offline-engine.ts'
import { googleSearchInput, googleSearchOutput, type SearchDocument } from './search.schema.ts'
import type { FoundPage } from './search-engine.ts'
import { type SearchDeps, searchWeb } from './search-web.ts'
import { createShippedDocs } from './shipped-docs.ts'

type Seen = { method: string | undefined; url: URL; headers: IncomingMessage['headers']; body: unknown }
type Answer = (response: ServerResponse) => void

/** An engine's HTTP side: remembers what it was asked, answers what the test says. */
async function startEngine(): Promise<{ url: string; seen: Seen[]; answerWith(answer: Answer): void; server: Server }> {
  const seen: Seen[] = []
  let answer: Answer = (response) => void response.end()
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    const url = new URL(request.url ?? '', 'http://engine')
    seen.push({ method: request.method, url, headers: request.headers, body: text ? JSON.parse(text) : null })
    answer(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const answerWith = (next: Answer) => {
    answer = next
  }
  return { url, seen, answerWith, server }
}

const json =
  (value: unknown, status = 200): Answer =>
  (response) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))

let serper: Awaited<ReturnType<typeof startEngine>>
let searxng: Awaited<ReturnType<typeof startEngine>>
let warnings: unknown[]

beforeAll(async () => {
  serper = await startEngine()
  searxng = await startEngine()
})

afterAll(() => {
  for (const { server } of [serper, searxng]) {
    server.close()
    server.closeAllConnections()
  }
})

beforeEach(() => {
  warnings = []
  serper.seen.length = 0
  searxng.seen.length = 0
  serper.answerWith(
    json({
      organic: [
        { title: 'One', link: 'https://docs.example.com/1', snippet: 'first' },
        { title: 'Two', link: 'https://www.other.org/2', description: 'x'.repeat(500) },
        { title: 'Three', link: 'https://notexample.com/3' },
        { title: 'Script', link: 'javascript:alert(1)' },
      ],
      knowledgeGraph: { title: 'about cats' },
      credits: 1,
    }),
  )
  searxng.answerWith(json({ results: [{ url: 'https://example.com/a', title: 'A', content: 'from searxng' }] }))
})

/** What ada has indexed; nobody else has anything. */
const ownDocuments: FoundPage[] = [
  { title: 'Herons', url: 'jan://documents/herons', snippet: 'They wait in the shallows.' },
  { title: 'Owls', url: 'https://birds.example/owls', snippet: 'They wait in the dark.' },
]
const offline = createOfflineEngine({
  searchDocuments: async (workspaceId, query, most) =>
    workspaceId === 'ada' && /zugvogel/.test(query) ? ownDocuments.slice(0, most) : [],
  docs: createShippedDocs({
    folder: fileURLToPath(new URL('../../../../docs', import.meta.url)),
    baseUrl: 'https://jan.example/docs',
  }),
})
const remembering = (ttlMs: number) =>
  createSearchMemory(
    createMemoryCache(1 << 16, 1 << 20, () => at),
    ttlMs,
  )
let at = 0

const deps = (order: EngineSettings['order'], more: Partial<SearchDeps> = {}): SearchDeps => ({
  engines: createEngines({
    order,
    serper: { apiKey: 'key', url: serper.url, timeoutMs: 300 },
    searxng: { url: `${searxng.url}/`, timeoutMs: 300 },
    offline,
  }),
  offlineEngine: offline,
  memory: remembering(0),
  offline: false,
  clock: () => new Date('2026-01-02T03:04:05Z'),
  log: { warn: (...line: unknown[]) => void warnings.push(line) },
  ...more,
})

const ada = () => ({ workspaceId: 'ada', mayPay: true, signal: new AbortController().signal })
const search = async (given: SearchDeps, input: Record<string, unknown>, who: Partial<ReturnType<typeof ada>> = {}) => {
  const outcome = await searchWeb(given, { ...ada(), ...who }, googleSearchInput.parse(input))
  if ('error' in outcome) throw new Error(outcome.error.message)
  return googleSearchOutput.parse(outcome) as SearchDocument
}
const refusal = (given: SearchDeps, input: Record<string, unknown>) =>
  searchWeb(given, ada(), googleSearchInput.parse(input))

describe('serper', () => {
  test('is asked with the key and what was given, and its results come back in the published shape [P-045]', async () => {
    const document = await search(deps(['serper']), { q: ' cats ', gl: 'de', hl: '', num: 0, page: 2, tbs: 'qdr:w' })
    expect(serper.seen).toHaveLength(1)
    expect(serper.seen[0]).toMatchObject({
      method: 'POST',
      url: { pathname: '/search' },
      headers: { 'x-api-key': 'key' },
    })
    expect(serper.seen[0]?.body).toEqual({ q: 'cats', gl: 'de', num: 10, autocorrect: true, page: 2, tbs: 'qdr:w' })
    expect(document).toMatchObject({ query: 'cats', engine: 'serper', live: true, cache_status: 'live' })
    expect(document.metadata).toMatchObject({ engine: 'serper', live: true, domain_allow_list: null, q: 'cats' })
    expect(document.results[0]).toEqual({
      position: 1,
      title: 'One',
      source_url: 'https://docs.example.com/1',
      snippet: 'first',
      cache_status: 'live',
      fetched_at: '2026-01-02T03:04:05.000Z',
    })
    expect(document.results[1]?.snippet).toBe(`${'x'.repeat(420)}…`)
    expect(document.results[2]?.snippet).not.toBe('')
    expect(document.citations).toEqual(document.results.map((result) => result.source_url))
    expect(document.citations).toHaveLength(3)
    expect(document.raw).toMatchObject({
      searchParameters: { q: 'cats', gl: 'de', page: 2 },
      organic: [{ link: 'https://docs.example.com/1', snippet: 'first' }, { description: 'x'.repeat(500) }, {}],
      knowledgeGraph: { title: 'about cats' },
    })
  })

  test('location goes before the hint, the caller’s hint before the operator’s [P-046]', async () => {
    const given = deps(['serper'], { locationHint: 'Berlin' })
    await search(given, { q: 'x' })
    await search(given, { q: 'x', location_hint: 'Rome' })
    const document = await search(given, { q: 'x', location: 'Oslo', location_hint: ' ', autocorrect: false, num: 1 })
    expect(serper.seen.map(({ body }) => (body as { location: string }).location)).toEqual(['Berlin', 'Rome', 'Oslo'])
    expect(serper.seen[2]?.body).toMatchObject({ autocorrect: false, num: 1 })
    expect(document.metadata.location_hint).toBe('Berlin')
    expect(document.results).toHaveLength(1)
  })
})

describe('searxng [P-045]', () => {
  test('is asked by its own parameter names, page after page [B-016 B-064]', async () => {
    const document = await search(deps(['searxng']), { q: 'cats & dogs', hl: 'fr', page: 3, tbs: 'qdr:h' })
    expect(searxng.seen[0]).toMatchObject({ method: 'GET', url: { pathname: '/search' } })
    expect(Object.fromEntries(searxng.seen[0]!.url.searchParams)).toEqual({
      q: 'cats & dogs',
      format: 'json',
      safesearch: '1',
      language: 'fr',
      pageno: '3',
      time_range: 'day',
    })
    expect(document).toMatchObject({ engine: 'searxng', live: true, cache_status: 'live' })
    expect(document.results[0]).toMatchObject({ source_url: 'https://example.com/a', snippet: 'from searxng' })
    await search(deps(['searxng']), { q: 'x', page: 1 })
    expect(searxng.seen[1]?.url.searchParams.has('pageno')).toBe(false)
  })

  test('engines behind it that did not answer are named; when none did, it failed [B-016]', async () => {
    const silent = { unresponsive_engines: [['google', 'timeout']] }
    searxng.answerWith(json({ results: [{ url: 'https://a.test/', title: 'A' }], ...silent }))
    const document = await search(deps(['searxng']), { q: 'x' })
    expect(document.metadata.unresponsive_engines).toEqual(['google: timeout'])
    searxng.answerWith(json({ results: [], ...silent }))
    expect(await search(deps(['searxng', 'offline']), { q: 'x' })).toMatchObject({ cache_status: 'searxng_error' })
    searxng.answerWith(json({ results: [], unresponsive_engines: [] }))
    expect(await search(deps(['searxng', 'offline']), { q: 'x' })).toMatchObject({ live: true, results: [] })
  })
})

describe('the wire of searxng [B-016]', () => {
  test.each<[string, unknown, string[] | undefined]>([
    ['pairs', [['google', 'timeout']], ['google: timeout']],
    ['triples', [['google', 'access denied', null]], ['google: access denied']],
    ['names', ['google', 'bing'], ['google', 'bing']],
    ['objects', [{ engine: 'google', error: 'timeout' }], ['google: timeout']],
    ['a map', { google: 'timeout' }, ['google: timeout']],
    ['nothing', null, undefined],
    ['an empty list', [], undefined],
  ])('unresponsive engines told as %s are no reason to refuse the rest', async (_shape, told, read) => {
    const results = [{ url: 'https://a.test/', title: null, content: null }, { title: 'no url' }, 'nonsense']
    searxng.answerWith(json({ results, number_of_results: 0, unresponsive_engines: told }))
    const document = await search(deps(['searxng']), { q: 'x' })
    expect(document.metadata.unresponsive_engines).toEqual(read)
    expect(document.citations).toEqual(['https://a.test/'])
  })

  test('a language is written as it wants it, or left out: it refuses others', async () => {
    for (const hl of ['de', 'de_at', 'PT-br', 'German', 'zh-Hant-TW']) await search(deps(['searxng']), { q: hl, hl })
    const asked = searxng.seen.map(({ url }) => url.searchParams.get('language'))
    expect(asked).toEqual(['de', 'de-AT', 'pt-BR', null, null])
  })
})

describe('who has asked before [B-014]', () => {
  test('equal searches at a time ask once, and one who leaves takes the others nothing away', async () => {
    const asked = Promise.withResolvers<ServerResponse>()
    searxng.answerWith(asked.resolve)
    const given = deps(['searxng'], { memory: remembering(60_000) })
    const leaving = new AbortController()
    const first = search(given, { q: 'x', num: 3 }, { signal: leaving.signal })
    const second = search(given, { num: 3, q: ' x ' }, { workspaceId: 'ben' })
    const response = await asked.promise
    leaving.abort(new Error('left'))
    await expect(first).rejects.toThrow('left')
    json({ results: [{ url: 'https://a.test/', title: 'A' }] })(response)
    expect(await second).toMatchObject({ live: true, cache_status: 'live' })
    expect(searxng.seen).toHaveLength(1)
  })

  test('when all have left, the engine is let go', async () => {
    const gone = Promise.withResolvers<void>()
    const leaving = new AbortController()
    searxng.answerWith((response) => {
      response.once('close', () => gone.resolve())
      leaving.abort(new Error('left'))
    })
    await expect(search(deps(['searxng']), { q: 'x' }, { signal: leaving.signal })).rejects.toThrow('left')
    await gone.promise
  })

  test('what is known is not asked again until its time has run out, and says so', async () => {
    const given = deps(['searxng'], { memory: remembering(60_000) })
    const live = await search(given, { q: 'x' })
    const later = { ...given, clock: () => new Date('2026-01-02T04:00:00Z') }
    const cached = await search(later, { q: 'x' })
    expect(cached).toMatchObject({ live: true, cache_status: 'cached', citations: live.citations })
    expect(cached.results[0]).toMatchObject({ cache_status: 'cached', fetched_at: '2026-01-02T03:04:05.000Z' })
    await search(given, { q: 'x', page: 2 })
    expect(searxng.seen).toHaveLength(2)
    at += 60_000
    expect(await search(given, { q: 'x' })).toMatchObject({ cache_status: 'live' })
    expect(searxng.seen).toHaveLength(3)
  })

  test('failures and half answers are not remembered', async () => {
    const given = deps(['searxng', 'offline'], { memory: remembering(60_000) })
    searxng.answerWith(json({}, 500))
    expect(await search(given, { q: 'x' })).toMatchObject({ cache_status: 'searxng_error' })
    searxng.answerWith(json({ results: [{ url: 'https://a.test/' }], unresponsive_engines: [['b', 'timeout']] }))
    for (const status of ['live', 'live'])
      expect(await search(given, { q: 'x' })).toMatchObject({ cache_status: status })
  })

  test('what was paid for is not told to those who may not pay', async () => {
    const given = deps(['serper', 'searxng'], { memory: remembering(60_000) })
    await search(given, { q: 'x' })
    const guest = await search(given, { q: 'x' }, { mayPay: false })
    expect(guest).toMatchObject({ engine: 'searxng', metadata: { reason: 'serper_not_for_guests' } })
    expect([serper.seen.length, searxng.seen.length]).toEqual([1, 1])
  })
})

describe('offline [B-015]', () => {
  const offlineSearch = (q: string, more = {}, who = {}) =>
    search(deps(['serper', 'searxng']), { q, offline_mode: true, ...more }, who)

  test('the caller’s own documents are found, and nobody else’s', async () => {
    const found = await offlineSearch('zugvogel flight')
    expect(found).toMatchObject({
      engine: 'offline',
      live: false,
      cache_status: 'offline_mode',
      query: 'zugvogel flight',
    })
    expect(found.results).toMatchObject([
      { title: 'Herons', source_url: 'jan://documents/herons', cache_status: 'offline', position: 1 },
      { source_url: 'https://birds.example/owls' },
    ])
    expect(found.citations).toEqual(['jan://documents/herons', 'https://birds.example/owls'])
    expect((await offlineSearch('zugvogel flight', {}, { workspaceId: 'ben' })).citations).toEqual([])
    expect((await offlineSearch('zugvogel flight', { page: 2, num: 1 })).citations).toEqual([
      'https://birds.example/owls',
    ])
  })

  test('our own docs are found, each by its page', async () => {
    const { results } = await offlineSearch('API key rotation and authentication guide')
    expect(results[0]).toMatchObject({
      source_url: expect.stringMatching(/^https:\/\/jan\.example\/docs\/[\w/-]+\.md(#[\w-]+)?$/),
      cache_status: 'offline',
    })
  })

  test('where nothing fits there is one fallback, which is no source [B-064]', async () => {
    const found = await offlineSearch('qwertz & zuiop?')
    expect(found).toMatchObject({ live: false, citations: [], raw: { organic: [] } })
    expect(found.results).toMatchObject([
      { source_url: 'https://duckduckgo.com/?q=qwertz%20%26%20zuiop%3F', cache_status: 'fallback', live: false },
    ])
  })

  test('a list of the caller’s holds for what is here, too', async () => {
    const found = await offlineSearch('zugvogel flight', { domain_allow_list: ['birds.example'] })
    expect(found.citations).toEqual(['https://birds.example/owls'])
    const held = await search(deps(['offline'], { domains: ['example.com'] }), { q: 'zugvogel flight' })
    expect(held.citations).toHaveLength(2)
  })
})

test('one name is asked first, a list is the order [B-012]', () => {
  expect(orderEngines([], ['serper', 'searxng'])).toEqual(['serper', 'searxng', 'offline'])
  expect(orderEngines(['searxng'], ['serper', 'searxng'])).toEqual(['searxng', 'serper', 'offline'])
  expect(orderEngines(['searxng', 'serper'], ['serper', 'searxng'])).toEqual(['searxng', 'serper'])
  expect(orderEngines(['offline'], ['serper'])).toEqual(['offline'])
  expect(orderEngines([], [])).toEqual(['offline'])
})

describe('the order [H-87 B-012]', () => {
  test('the next engine answers for one that failed', async () => {
    serper.answerWith(json({ message: 'no credits' }, 403))
    const document = await search(deps(['serper', 'searxng', 'offline']), { q: 'x' })
    expect(document).toMatchObject({ engine: 'searxng', live: true, cache_status: 'live' })
    expect(document.metadata.reason).toBe('serper_error')
    expect(warnings).toHaveLength(1)
  })

  test.each<[string, Answer]>([
    ['a refusal', json({ message: 'no' }, 401)],
    ['another shape', json({ organic: 'nothing' })],
    ['no JSON', (response) => void response.end('<html>')],
    ['a redirect', (response) => void response.writeHead(302, { location: '/elsewhere' }).end()],
    ['silence', () => {}],
    ['a broken connection', (response) => void response.destroy()],
  ])('%s ends at the offline answer, which says so', async (_name, answer) => {
    serper.answerWith(answer)
    const document = await search(deps(['serper', 'offline']), { q: 'cats & dogs' })
    expect(document).toMatchObject({ engine: 'offline', live: false, cache_status: 'serper_error', citations: [] })
    expect(document.results).toMatchObject([
      { source_url: 'https://duckduckgo.com/?q=cats%20%26%20dogs', cache_status: 'fallback', position: 1 },
    ])
    expect(serper.seen).toHaveLength(1)
  })

  test('an engine that is not set up is passed over by name', async () => {
    const engines = createEngines({ order: ['serper', 'searxng', 'offline'], offline })
    expect(await search(deps([], { engines }), { q: 'x' })).toMatchObject({
      live: false,
      cache_status: 'serper_unavailable',
    })
    const other = createEngines({ order: ['searxng', 'offline'], offline })
    expect(await search(deps([], { engines: other }), { q: 'x' })).toMatchObject({
      cache_status: 'searxng_unconfigured',
    })
    const only = createEngines({ order: ['offline'], offline })
    expect(await search(deps([], { engines: only }), { q: 'x' })).toMatchObject({ cache_status: 'fallback' })
  })

  test('without an engine that answers, the failure is told', async () => {
    serper.answerWith(json({}, 500))
    expect(await refusal(deps(['serper']), { q: 'x' })).toMatchObject({ error: { code: 'upstream_failed' } })
  })

  test('offline asks nobody, whether the caller or the operator wants it [P-046]', async () => {
    const byCaller = await search(deps(['serper', 'searxng']), { q: 'x', offline_mode: true })
    expect(byCaller).toMatchObject({ engine: 'offline', live: false, cache_status: 'offline_mode' })
    const byOperator = await search(deps(['serper'], { offline: true }), { q: 'x', offline_mode: false })
    expect(byOperator).toMatchObject({ live: false, cache_status: 'offline_mode' })
    expect([...serper.seen, ...searxng.seen]).toEqual([])
  })

  test('a caller who leaves is not answered by the next engine', async () => {
    const leaving = new AbortController()
    const reason = new Error('left')
    serper.answerWith(() => leaving.abort(reason))
    await expect(search(deps(['serper', 'searxng']), { q: 'x' }, { signal: leaving.signal })).rejects.toBe(reason)
    expect(searxng.seen).toEqual([])
  })
})

describe('domains [P-046 B-013]', () => {
  test('engines are asked for them and results are held to them', async () => {
    const document = await search(deps(['serper']), {
      q: 'x',
      domain_allow_list: ['https://WWW.Example.com/', '', 'a.b'],
    })
    expect(serper.seen[0]?.body).toMatchObject({ q: '(x) (site:example.com OR site:a.b)' })
    expect(document.query).toBe('x')
    expect(document.metadata.domain_allow_list).toEqual(['example.com', 'a.b'])
    expect(document.citations).toEqual(['https://docs.example.com/1'])
  })

  test('a caller can narrow the operator’s list and not widen it', async () => {
    const given = deps(['serper'], { domains: ['example.com', 'other.org'] })
    expect((await search(given, { q: 'x' })).citations).toHaveLength(2)
    const narrowed = await search(given, { q: 'x', domain_allow_list: ['docs.example.com', 'evil.test'] })
    expect(narrowed.metadata.domain_allow_list).toEqual(['docs.example.com'])
    const wide = await search(deps(['serper'], { domains: ['docs.example.com'] }), {
      q: 'x',
      domain_allow_list: ['example.com'],
    })
    expect(wide.metadata.domain_allow_list).toEqual(['docs.example.com'])
    expect(await refusal(given, { q: 'x', domain_allow_list: ['evil.test'] })).toMatchObject({
      error: { code: 'forbidden' },
    })
  })

  test.each(['example.com/docs', 'exa mple', 'user@example.com', 'example.com:8080'])(
    '%p is no domain',
    async (domain) => {
      const outcome = await refusal(deps(['serper']), { q: 'x', domain_allow_list: [domain] })
      expect(outcome).toMatchObject({ error: { code: 'invalid_request', message: expect.stringContaining(domain) } })
      expect(serper.seen).toEqual([])
    },
  )
})

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createEngines, type EngineSettings } from './engine-order.ts'
import { googleSearchInput, googleSearchOutput, type SearchDocument } from './search.schema.ts'
import { type SearchDeps, searchWeb } from './search-web.ts'

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
      knowledgeGraph: { title: 'left out' },
    }),
  )
  searxng.answerWith(json({ results: [{ url: 'https://example.com/a', title: 'A', content: 'from searxng' }] }))
})

const deps = (order: EngineSettings['order'], more: Partial<SearchDeps> = {}): SearchDeps => ({
  engines: createEngines({
    order,
    serper: { apiKey: 'key', url: serper.url, timeoutMs: 300 },
    searxng: { url: `${searxng.url}/`, timeoutMs: 300 },
  }),
  offline: false,
  clock: () => new Date('2026-01-02T03:04:05Z'),
  log: { warn: (...line: unknown[]) => void warnings.push(line) },
  ...more,
})

const search = async (given: SearchDeps, input: Record<string, unknown>, signal = new AbortController().signal) => {
  const outcome = await searchWeb(given, googleSearchInput.parse(input), signal)
  if ('error' in outcome) throw new Error(outcome.error.message)
  return googleSearchOutput.parse(outcome) as SearchDocument
}
const refusal = (given: SearchDeps, input: Record<string, unknown>) =>
  searchWeb(given, googleSearchInput.parse(input), new AbortController().signal)

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
    expect(document).not.toHaveProperty('raw')
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
  test('is asked by its own parameter names', async () => {
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

  test('engines behind it that did not answer are named; when none did, it failed', async () => {
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

describe('the order [H-87]', () => {
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
    const engines = createEngines({ order: ['serper', 'searxng', 'offline'] })
    expect(await search(deps([], { engines }), { q: 'x' })).toMatchObject({
      live: false,
      cache_status: 'serper_unavailable',
    })
    const other = createEngines({ order: ['searxng', 'offline'] })
    expect(await search(deps([], { engines: other }), { q: 'x' })).toMatchObject({
      cache_status: 'searxng_unconfigured',
    })
    const only = createEngines({ order: ['offline'] })
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
    await expect(search(deps(['serper', 'searxng']), { q: 'x' }, leaving.signal)).rejects.toBe(reason)
    expect(searxng.seen).toEqual([])
  })
})

describe('domains [P-046]', () => {
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

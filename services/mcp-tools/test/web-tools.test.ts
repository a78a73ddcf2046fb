import { startTestRedis, type TestRedis } from '@jan/testkit/redis'
import { type Served, serve } from '@jan/testkit/serve'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { call, startService, type TestService } from './start.ts'

/** google_search, scrape and fetch_json as clients meet them: two replicas that share a Redis. */

let site: Served
let redis: TestRedis
let replicas: TestService[]
let asked: URL[]
let headers: Record<string, unknown>[]
let robots: string

beforeAll(async () => {
  site = await serve((request, response) => {
    const url = new URL(request.url ?? '', 'http://site')
    asked.push(url)
    headers.push(request.headers)
    if (url.pathname === '/robots.txt') return void response.end(robots)
    if (url.pathname === '/searxng/search')
      return void response.end(
        JSON.stringify({ results: [{ url: 'https://a.example/', title: 'A', content: 'found' }] }),
      )
    if (url.pathname === '/data.json')
      return void response.setHeader('content-type', 'application/json').end('{"items": [{"name": "heron"}]}')
    if (request.headers['if-none-match'] === '"1"') return void response.writeHead(304).end()
    response.setHeader('content-type', 'text/html').setHeader('etag', '"1"')
    response.end('<title>Herons</title><h1>Herons</h1><table><tr><th>Year<th>Nests<tr><td>2024<td>17</table>')
  })
  redis = await startTestRedis()
  const env = {
    REDIS_URL: redis.url,
    SEARXNG_URL: `${site.url}/searxng`,
    SERPER_API_KEY: 'unused',
    MCP_SEARCH_ENGINE: 'searxng,offline',
    OUTBOUND_ALLOW: `127.0.0.1:${site.port}`,
    AUTH_ENABLED: 'false',
  }
  replicas = [await startService(env), await startService(env)]
})
afterAll(async () => {
  for (const replica of replicas) await replica.close()
  await redis.close()
  await site.close()
})
beforeEach(() => {
  asked = []
  headers = []
  robots = ''
})

type Result = { isError?: boolean; content: { text: string }[]; structuredContent: Record<string, unknown> }
const use = async (replica: number, name: string, args: unknown): Promise<Result> => {
  const response = await replicas[replica]!.post(call(name, args), { authorization: '' })
  return ((await response.json()) as { result: Result }).result
}
const paths = () => asked.map(({ pathname }) => pathname)

test('a search is known to all replicas, and asked for once [B-012 B-014]', async () => {
  const [live, cached] = [
    await use(0, 'google_search', { q: 'herons' }),
    await use(1, 'google_search', { q: 'herons' }),
  ]
  expect(live.structuredContent).toMatchObject({ engine: 'searxng', live: true, cache_status: 'live' })
  expect(cached.structuredContent).toMatchObject({ live: true, cache_status: 'cached', results: [{ title: 'A' }] })
  expect(cached.content[0]?.text).toContain('https://a.example/')
  expect(paths()).toEqual(['/searxng/search'])
  const same = await Promise.all([1, 2, 3].map(() => use(0, 'google_search', { q: 'owls' })))
  expect(same.map(({ structuredContent }) => structuredContent.cache_status)).toEqual(['live', 'live', 'live'])
  expect(paths()).toHaveLength(2)
})

test('what was found offline can be opened, and nothing beside it [B-087]', async () => {
  const found = await use(0, 'google_search', { q: 'authentication guide', offline_mode: true })
  const open = (path: string) => fetch(replicas[0]!.url + path)
  for (const citation of found.structuredContent.citations as string[]) {
    const { origin, pathname } = new URL(citation)
    const page = await open(pathname)
    expect([origin, page.status, page.headers.get('content-type')]).toEqual([
      'http://localhost:8000',
      200,
      'text/plain; charset=utf-8',
    ])
    expect(await page.text()).toMatch(/^# /m)
  }
  for (const path of ['..%2f..%2fpackage.json', '..%2fREADME.md', 'nothing.md', 'guides'])
    expect([path, (await open(`/v1/mcp/docs/${path}`)).status]).toEqual([path, 404])
})

test('offline touches no network [B-015]', async () => {
  const found = await use(0, 'google_search', { q: 'authentication guide', offline_mode: true })
  expect(found.structuredContent).toMatchObject({ engine: 'offline', live: false, cache_status: 'offline_mode' })
  expect(found.structuredContent.citations).toContainEqual(expect.stringContaining('/docs/guides/authentication.md'))
  expect(found.content[0]?.text).toContain('it is no knowledge of the web')
  const fallback = await use(0, 'google_search', { q: 'qwertz zuiop', offline_mode: true })
  expect(fallback.structuredContent).toMatchObject({
    live: false,
    citations: [],
    results: [{ cache_status: 'fallback', source_url: 'https://duckduckgo.com/?q=qwertz%20zuiop' }],
  })
  expect(asked).toEqual([])
})

describe('scrape', () => {
  test('a page is known to all replicas, and asked for again by its ETag [B-018 B-065]', async () => {
    for (const [replica, name, status] of [
      [0, 'includeMarkdown', 'live'],
      [1, 'include_markdown', 'revalidated'],
    ] as const) {
      const { structuredContent } = await use(replica, 'scrape', { url: `${site.url}/herons`, [name]: true })
      expect(structuredContent).toMatchObject({ title: 'Herons', cache_status: status })
      expect(structuredContent.markdown).toMatch(/\| Year \| Nests \|\n\| -+ \| -+ \|\n\| 2024 \| 17 +\|/)
    }
    expect(paths()).toEqual(['/robots.txt', '/herons', '/herons'])
    expect(headers[0]).toMatchObject({ 'user-agent': expect.stringMatching(/^JanServer\//) })
    expect(headers[2]).toMatchObject({ 'if-none-match': '"1"' })
  })

  test('what robots.txt closes is refused in words, until the operator says otherwise [B-018]', async () => {
    robots = 'User-agent: *\nDisallow: /'
    const env = { OUTBOUND_ALLOW: `127.0.0.1:${site.port}`, AUTH_ENABLED: 'false' }
    for (const [obeys, isError] of [
      ['true', true],
      ['false', false],
    ] as const) {
      const service = await startService({ ...env, MCP_SCRAPE_ROBOTS: obeys })
      const response = await service.post(call('scrape', { url: `${site.url}/herons` }), { authorization: '' })
      const { result } = (await response.json()) as { result: Result }
      expect([result.isError ?? false, result.content[0]?.text.includes('robots.txt asks programs')]).toEqual([
        isError,
        isError,
      ])
      await service.close()
    }
  })
})

test('fetch_json tells a part of a document [B-033]', async () => {
  const found = await use(0, 'fetch_json', { url: `${site.url}/data.json`, pointer: '/items/0' })
  expect(found.structuredContent).toMatchObject({ value: { name: 'heron' }, pointer: '/items/0' })
  expect(found.content[0]?.text).toContain('{"name":"heron"}')
  const refused = await use(0, 'fetch_json', { url: `${site.url}/data.json`, pointer: '/items/1' })
  expect(refused).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('an array of 1 item') }] })
})

test.each(['scrape', 'fetch_json'])('%s reaches nothing private [B-020]', async (name) => {
  for (const url of ['http://127.0.0.1/', 'http://localhost/', 'http://169.254.169.254/', 'http://[::1]:8091/']) {
    const { isError, content } = await use(0, name, { url })
    expect([isError, content[0]?.text]).toEqual([true, expect.stringMatching(/not on the public internet|Only ports/)])
  }
})

test('every argument of the three is described [B-012 B-017 B-033]', async () => {
  const response = await replicas[0]!.post({ jsonrpc: '2.0', id: 1, method: 'tools/list' }, { authorization: '' })
  const { result } = (await response.json()) as {
    result: { tools: { name: string; inputSchema: { properties: Record<string, { description?: string }> } }[] }
  }
  for (const name of ['google_search', 'scrape', 'fetch_json']) {
    const tool = result.tools.find((each) => each.name === name)
    const without = Object.entries(tool?.inputSchema.properties ?? { none: {} }).filter(
      ([, { description }]) => !description,
    )
    expect(without).toEqual([])
  }
})

import { randomUUID } from 'node:crypto'
import { createTestDatabase } from '@jan/testkit/postgres'
import { fromPart } from '@jan/testkit/real-part'
import { type Served, serve } from '@jan/testkit/serve'
import type { ServiceProcess } from '@jan/testkit/service-process'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import type { Json } from '../platform.ts'
import { startMcpTools } from './mcp-tools.ts'

/** What the engines behind searx find: three pages of three, of `nothing` none, of `half` the second without words. */
let engines: Served
let asked: URL[]
let service: ServiceProcess
const closers: (() => unknown)[] = []

beforeAll(async () => {
  engines = await serve(
    (request, response) => {
      const url = new URL(request.url ?? '', 'http://engine')
      asked.push(url)
      const page = Number(url.searchParams.get('page'))
      const isNothing = url.searchParams.get('q')?.startsWith('nothing') || page > 3
      const results = [1, 2, 3].map((place) => ({
        url: `https://library.example${url.pathname}/${page}/${place}`,
        title: `Page ${page}, place ${place} of ${url.pathname.slice(1)}`,
        content: `About ${url.searchParams.get('q')}`,
      }))
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ results: isNothing ? [] : results }))
    },
    Number(fromPart('JAN_TEST_SEARX_ENGINES_PORT')),
  )
  const database = await createTestDatabase({ service: 'mcp-tools' })
  closers.push(engines.close, database.drop)
  service = await startMcpTools(database.url, { SEARXNG_URL: fromPart('JAN_TEST_SEARX_URL') })
  closers.unshift(service.stop)
})
afterAll(async () => {
  for (const close of closers) await close()
})
beforeEach(() => {
  asked = []
})

async function search(args: Json): Promise<Json> {
  const answer = await fetch(`${service.url}/v1/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: randomUUID(),
      method: 'tools/call',
      params: { name: 'google_search', arguments: args },
    }),
  })
  const { result } = (await answer.json()) as Json
  expect([answer.status, result?.isError ?? false]).toEqual([200, false])
  return result.structuredContent
}

test('its results are told, though it counts none of them [B-016 P-045]', async () => {
  const found = await search({ q: 'cats & dogs' })
  expect(found).toMatchObject({ engine: 'searxng', live: true, cache_status: 'live', query: 'cats & dogs' })
  expect(found.results).toHaveLength(6)
  expect(found.results[0]).toMatchObject({ position: 1, snippet: 'About cats & dogs', cache_status: 'live' })
  expect(found.citations).toContain('https://library.example/dated/1/1')
  expect(found.metadata.unresponsive_engines).toBeUndefined()
  expect(await search({ q: 'cats & dogs' })).toMatchObject({ cache_status: 'cached', citations: found.citations })
  expect(asked).toHaveLength(2)
})

test('pages follow each other, to the end [B-016 B-064]', async () => {
  const pages = [
    await search({ q: 'pages' }),
    await search({ q: 'pages', page: 2 }),
    await search({ q: 'pages', page: 3 }),
  ]
  const citations = pages.flatMap((page) => page.citations)
  expect(new Set(citations).size).toBe(18)
  expect(citations.slice(6, 12).every((url: string) => /\/2\/\d$/.test(url))).toBe(true)
  expect(await search({ q: 'pages', page: 4 })).toMatchObject({ live: true, results: [], citations: [] })
})

test('a time range reaches it: only the engine that knows dates is asked [B-016]', async () => {
  for (const tbs of ['qdr:h', 'qdr:d', 'qdr:w', 'qdr:m', 'qdr:y']) {
    const found = await search({ q: `news ${tbs}`, tbs })
    expect(found.citations.map((url: string) => new URL(url).pathname)).toEqual([
      '/dated/1/1',
      '/dated/1/2',
      '/dated/1/3',
    ])
  }
  expect(await search({ q: 'news of whenever', tbs: 'qdr:decade' })).toMatchObject({ results: { length: 6 } })
})

test('languages that it would refuse do not end the search [B-016]', async () => {
  for (const hl of ['de', 'de_AT', 'pt-br', 'German', 'zh-Hant-TW', 'xx'])
    expect(await search({ q: `words of ${hl}`, hl })).toMatchObject({ engine: 'searxng', results: { length: 6 } })
})

test('an engine that does not answer is named, and when none does, that is no empty result [B-016 B-064]', async () => {
  const half = await search({ q: '!silent !dated half' })
  expect(half.metadata.unresponsive_engines).toEqual([expect.stringMatching(/^silent: /)])
  expect(half.citations).toHaveLength(3)
  expect(await search({ q: '!silent half' })).toMatchObject({
    engine: 'offline',
    live: false,
    cache_status: 'searxng_error',
    citations: [],
  })
})

test('nothing found is nothing, and no failure [B-016]', async () => {
  expect(await search({ q: 'nothing at all' })).toMatchObject({
    engine: 'searxng',
    live: true,
    cache_status: 'live',
    results: [],
    citations: [],
  })
})

test('results are held to the domains that are asked for [B-013]', async () => {
  const found = await search({ q: 'held', domain_allow_list: ['library.example'] })
  expect(asked[0]?.searchParams.get('q')).toBe('(held) (site:library.example)')
  expect(found.citations).toHaveLength(6)
  expect(await search({ q: 'held', domain_allow_list: ['other.example'] })).toMatchObject({ live: true, results: [] })
})

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createGuardedFetch, type GuardedFetch } from '@jan/guarded-fetch/guarded-fetch'
import { type Served, serve } from '@jan/testkit/serve'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createMemoryCache } from '../cache/cache.ts'
import { createPageExtractor } from './extract-page.ts'
import { createPageCache } from './page-cache.ts'
import { createAskRobots } from './robots.ts'
import { createPageTurns, type ScrapeRequest, scrapePage } from './scrape-page.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

let site: Served
let guarded: GuardedFetch
let answers: Record<string, Answer>
let asked: IncomingMessage[]
let now: number

const text =
  (body: string, headers: Record<string, string> = {}, status = 200): Answer =>
  (_request, response) =>
    void response.writeHead(status, { 'content-type': 'text/plain', ...headers }).end(body)
const robots = (body: string, status = 200) => {
  answers['/robots.txt'] = text(body, {}, status)
}
const redirect =
  (location: string): Answer =>
  (_request, response) =>
    void response.writeHead(302, { location }).end()

beforeAll(async () => {
  site = await serve((request, response) => {
    asked.push(request)
    const answer = answers[request.url ?? ''] ?? text('nothing here', {}, 404)
    answer(request, response)
  })
  guarded = createGuardedFetch({
    allow: [`127.0.0.1:${site.port}`],
    timeoutMs: 2_000,
    maxBytes: 1 << 20,
    maxRedirects: 5,
    userAgent: 'JanServer/1.0',
  })
})
afterAll(async () => {
  await guarded.close()
  await site.close()
})
beforeEach(() => {
  answers = { '/page': text('the page') }
  asked = []
  now = Date.parse('2026-01-02T03:04:05Z')
})

const createScraper = ({ obeysRobots = true, ttlMs = 3_600_000 } = {}) => {
  const memory = createMemoryCache(1 << 20, 1 << 22, () => now)
  const deps = {
    fetch: guarded.fetch,
    extract: createPageExtractor(),
    pages: createPageTurns(),
    kept: createPageCache(memory, ttlMs),
    clock: () => new Date(now),
    askRobots: obeysRobots ? createAskRobots({ fetch: guarded.fetch, cache: memory, product: 'JanServer' }) : undefined,
  }
  return (path: string, more: Partial<ScrapeRequest> = {}) =>
    scrapePage(deps, {
      url: `${site.url}${path}`,
      includeMarkdown: false,
      signal: new AbortController().signal,
      ...more,
    })
}
const times = (path: string) => asked.filter(({ url }) => url === path).length

describe('robots.txt [B-018]', () => {
  test.each<[string, string, boolean]>([
    ['nothing', '', true],
    ['another product', 'User-agent: Other\nDisallow: /', true],
    ['everybody', 'User-agent: *\nDisallow: /', false],
    ['everybody but us', 'User-agent: *\nDisallow: /\n\nUser-agent: janserver\nDisallow: /private', true],
    ['us', 'User-agent: JanServer\nDisallow: /pa*\n\nUser-agent: *\nDisallow:', false],
    ['all but what is longer', 'User-agent: *\nDisallow: /\nAllow: /page$', true],
    ['a page of HTML', '<!doctype html><html><body>Not found</body></html>', true],
  ])('rules for %s', async (_name, rules, isOpen) => {
    robots(rules)
    const outcome = await createScraper()('/page')
    if (isOpen) expect(outcome).toMatchObject({ text: 'the page' })
    else {
      expect(outcome).toMatchObject({
        error: { code: 'forbidden', message: 'The site’s robots.txt asks programs not to read this page' },
      })
      expect(times('/page')).toBe(0)
    }
    expect(asked[0]).toMatchObject({ url: '/robots.txt', headers: { 'user-agent': 'JanServer/1.0' } })
  })

  test('that is not there is open, of a server in trouble closed, and too many redirects are none', async () => {
    for (const status of [401, 403, 404, 429]) {
      robots('', status)
      expect(await createScraper()('/page')).toMatchObject({ text: 'the page' })
    }
    robots('', 503)
    expect(await createScraper()('/page')).toMatchObject({
      error: { message: expect.stringContaining('at the moment') },
    })
    answers['/robots.txt'] = redirect('/robots.txt')
    expect(await createScraper()('/page')).toMatchObject({ text: 'the page' })
    answers['/robots.txt'] = redirect('/rules')
    answers['/rules'] = text('User-agent: *\nDisallow: /page')
    expect(await createScraper()('/page')).toMatchObject({ error: { code: 'forbidden' } })
  })

  test('a site that cannot be reached, or sends it to a private address, is not read', async () => {
    answers['/robots.txt'] = (request) => void request.socket.destroy()
    expect(await createScraper()('/page')).toMatchObject({ error: { message: 'The URL could not be reached' } })
    answers['/robots.txt'] = redirect('http://10.0.0.1/')
    expect(await createScraper()('/page')).toMatchObject({ error: { code: 'forbidden' } })
    expect(times('/page')).toBe(0)
  })

  test('is asked once for many pages, and again when its hour is over', async () => {
    const scrape = createScraper()
    answers['/other'] = text('another')
    for (const path of ['/page', '/other', '/page']) await scrape(path)
    expect(times('/robots.txt')).toBe(1)
    now += 3_600_001
    await scrape('/page')
    expect(times('/robots.txt')).toBe(2)
  })

  test('holds for the page that a redirect leads to', async () => {
    robots('User-agent: *\nDisallow: /page')
    answers['/way'] = redirect('/page')
    expect(await createScraper()('/way')).toMatchObject({ error: { code: 'forbidden' } })
  })

  test('an endless one is cut, and one made to cost hours costs nothing', async () => {
    answers['/robots.txt'] = (_request, response) => {
      response.write('User-agent: *\nDisallow: /private\n')
      const more = () => {
        while (response.write('# nothing\n'.repeat(1_000)));
      }
      response.on('drain', more)
      more()
    }
    expect(await createScraper()('/page')).toMatchObject({ text: 'the page' })
    robots(`User-agent: *\n${'Disallow: /*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b\n'.repeat(10_000)}`)
    const began = performance.now()
    await createScraper()(`/${'a'.repeat(8_000)}`)
    expect(performance.now() - began).toBeLessThan(1_500)
  })

  test('is not asked where the operator says so', async () => {
    robots('User-agent: *\nDisallow: /')
    expect(await createScraper({ obeysRobots: false })('/page')).toMatchObject({ text: 'the page' })
    expect(times('/robots.txt')).toBe(0)
  })
})

describe('what was read before [B-018]', () => {
  const versioned =
    (etag: string, body: string, more: Record<string, string> = {}): Answer =>
    (request, response) =>
      request.headers['if-none-match'] === etag
        ? void response.writeHead(304, { etag, ...more }).end()
        : text(body, { etag, ...more })(request, response)

  test('is asked for again by its ETag, and told anew when it changed', async () => {
    const scrape = createScraper()
    answers['/page'] = versioned('"1"', 'first')
    expect(await scrape('/page')).toMatchObject({ text: 'first', cache_status: 'live' })
    now += 60_000
    expect(await scrape('/page')).toMatchObject({
      text: 'first',
      cache_status: 'revalidated',
      fetched_at: '2026-01-02T03:05:05.000Z',
      metadata: { status: 200, contentType: 'text/plain' },
    })
    answers['/page'] = versioned('"2"', 'second')
    expect(await scrape('/page')).toMatchObject({ text: 'second', cache_status: 'live' })
    expect(asked.filter(({ url }) => url === '/page').map(({ headers }) => headers['if-none-match'])).toEqual([
      undefined,
      '"1"',
      '"1"',
    ])
  })

  test('is asked for by its date where there is no ETag', async () => {
    const date = 'Fri, 02 Jan 2026 00:00:00 GMT'
    answers['/page'] = (request, response) =>
      request.headers['if-modified-since'] === date
        ? void response.writeHead(304).end()
        : text('dated', { 'last-modified': date })(request, response)
    const scrape = createScraper()
    await scrape('/page')
    expect(await scrape('/page')).toMatchObject({ text: 'dated', cache_status: 'revalidated' })
  })

  test('is not asked for while its site calls it fresh; pieces of it are of one copy', async () => {
    const scrape = createScraper()
    answers['/page'] = text('for a minute', { 'cache-control': 'public, max-age=60' })
    await scrape('/page')
    now += 59_000
    expect(await scrape('/page')).toMatchObject({ cache_status: 'cached', fetched_at: '2026-01-02T03:04:05.000Z' })
    now += 1_000
    expect(await scrape('/page')).toMatchObject({ cache_status: 'live' })
    answers['/long'] = text('one two three')
    expect(await scrape('/long', { maxChars: 4 })).toMatchObject({ text: 'one ' })
    answers['/long'] = text('ONE TWO THREE')
    expect(await scrape('/long', { maxChars: 4, startIndex: 4 })).toMatchObject({
      text: 'two ',
      cache_status: 'cached',
    })
    expect(await scrape('/long', { maxChars: 4 })).toMatchObject({ text: 'ONE ' })
  })

  test('is not kept against its site’s word, nor where the operator keeps nothing', async () => {
    const scrape = createScraper()
    answers['/page'] = versioned('"1"', 'secret', { 'cache-control': 'no-store' })
    await scrape('/page')
    expect(await scrape('/page')).toMatchObject({ cache_status: 'live' })
    answers['/page'] = text('page', { 'cache-control': 'max-age=600' })
    const forgetful = createScraper({ ttlMs: 0 })
    await forgetful('/page')
    expect(await forgetful('/page')).toMatchObject({ cache_status: 'live' })
  })

  test('a 304 for another page than the known one is not believed', async () => {
    const scrape = createScraper()
    answers['/way'] = redirect('/page')
    answers['/page'] = versioned('"1"', 'first')
    await scrape('/way')
    answers['/way'] = redirect('/other')
    answers['/other'] = versioned('"1"', 'other')
    expect(await scrape('/way')).toMatchObject({ text: 'other', cache_status: 'live' })
  })

  test('its Markdown is not missing because it was read without before [B-065]', async () => {
    answers['/page'] = text('<h1>Title</h1><p>words', { 'content-type': 'text/html', 'cache-control': 'max-age=600' })
    const scrape = createScraper()
    expect(await scrape('/page')).not.toHaveProperty('markdown')
    expect(await scrape('/page', { includeMarkdown: true })).toMatchObject({ markdown: '## Title\n\nwords' })
  })
})

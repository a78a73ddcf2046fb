import type { LookupFunction } from 'node:net'
import { gzipSync } from 'node:zlib'
import { createGuardedFetch, type GuardedFetch } from '@jan/guarded-fetch/guarded-fetch'
import { AppError } from '@jan/service-kit/errors'
import { type Served, serve } from '@jan/testkit/serve'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createMemoryCache } from '../cache/cache.ts'
import { createPageExtractor } from './extract-page.ts'
import { fetchJsonInput } from './fetch-json.schema.ts'
import { fetchJson } from './fetch-json.ts'
import { createPageCache } from './page-cache.ts'
import { createAskRobots } from './robots.ts'
import { createPageTurns, scrapePage } from './scrape-page.ts'

/**
 * What callers name to get at what is not public, each through every tool that fetches. The world here: `public.test` is
 * a site that may be fetched; everything else of this machine is secret.
 */
const ADDRESSES: Record<string, string[][]> = {
  'public.test': [['127.0.0.1']],
  'evil.test': [['127.0.0.1']],
  'multi.test': [['93.184.216.34', '127.0.0.1']],
  localhost: [['127.0.0.1'], ['::1']],
  // Public to whoever checks it first, private to whoever dials it then.
  'rebind.test': [['93.184.216.34'], ['127.0.0.1']],
}
let lookups: Record<string, number> = {}
const lookup: LookupFunction = (host, _options, callback) => {
  const answers = ADDRESSES[host]
  const count = lookups[host] ?? 0
  lookups[host] = count + 1
  const addresses = answers?.[Math.min(count, answers.length - 1)]
  if (!addresses) return callback(Object.assign(new Error('unknown name'), { code: 'ENOTFOUND' }), [])
  callback(
    null,
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
  )
}

let site: Served
let secret: Served
let guarded: GuardedFetch
let hasty: GuardedFetch
let secretHits: string[]
const bomb = gzipSync(Buffer.alloc(50 << 20, ' '))

beforeAll(async () => {
  secret = await serve((request, response) => {
    secretHits.push(`${request.headers.host}${request.url}`)
    response.setHeader('content-type', 'application/json').end('"SECRET"')
  })
  site = await serve((request, response) => {
    const url = new URL(request.url ?? '', 'http://site')
    const to = url.searchParams.get('to')
    response.setHeader('content-type', 'application/json')
    if (url.pathname === '/robots.txt') return void response.writeHead(404).end()
    if (to) return void response.writeHead(302, { location: to }).end()
    if (url.pathname === '/loop') return void response.writeHead(302, { location: '/loop' }).end()
    if (url.pathname === '/slow') return void response.write('"')
    if (url.pathname === '/bomb') response.setHeader('content-encoding', 'gzip').end(bomb)
    else response.end('"public"')
  })
  const limits = { allow: [`public.test:${site.port}`], maxBytes: 5 << 20, maxRedirects: 5, userAgent: 'JanServer/1.0' }
  guarded = createGuardedFetch({ ...limits, timeoutMs: 10_000, lookup })
  hasty = createGuardedFetch({ ...limits, timeoutMs: 300, lookup })
})
afterAll(async () => {
  await guarded.close()
  await hasty.close()
  await site.close()
  await secret.close()
})
beforeEach(() => {
  lookups = {}
  secretHits = []
})

const signal = new AbortController().signal
const clock = () => new Date(0)
type FetchBy = (url: string, by?: GuardedFetch) => Promise<{ code: string; message: string } | string>
const TOOLS: Record<string, FetchBy> = {
  scrape: async (url, { fetch } = guarded) => {
    const cache = createMemoryCache(1 << 20, 1 << 20)
    const found = await scrapePage(
      {
        fetch,
        extract: createPageExtractor(),
        pages: createPageTurns(),
        kept: createPageCache(cache, 60_000),
        askRobots: createAskRobots({ fetch, cache, product: 'JanServer' }),
        clock,
      },
      { url, includeMarkdown: false, signal },
    )
    return 'error' in found ? found.error : found.text
  },
  fetch_json: (url, { fetch } = guarded) =>
    fetchJson({ fetch, clock }, fetchJsonInput.parse({ url }), signal).then(
      ({ value }) => JSON.stringify(value),
      (error: unknown) => {
        if (error instanceof AppError) return { code: error.code, message: error.message }
        throw error
      },
    ),
}

const publicSite = (path: string) => `http://public.test:${site.port}${path}`

describe.each(Object.keys(TOOLS))('through %s [B-020]', (name) => {
  const fetchBy = TOOLS[name]!

  test('what is public is fetched', async () => expect(await fetchBy(publicSite('/'))).toBe('"public"'))

  test.each([
    ['a loopback address', '127.0.0.1'],
    ['its name', 'localhost'],
    ['its number', '2130706433'],
    ['its hexadecimal form', '0x7f.1'],
    ['its octal form', '0177.0.0.1'],
    ['IPv6 loopback', '[::1]'],
    ['a mapped address', '[::ffff:127.0.0.1]'],
    ['a mapped address in hexadecimal', '[::ffff:7f00:1]'],
    ['no address', '0.0.0.0'],
    ['a short form', '127.1'],
    ['a name that leads here', 'evil.test'],
    ['a name that leads here, too', 'multi.test'],
    ['full-width dots', '127。0。0。1'],
  ])('%s is refused, with its port and without', async (_what, host) => {
    for (const url of [`http://${host}:${secret.port}/x`, `http://${host}/x`]) {
      const refused = await fetchBy(url)
      expect(refused).toMatchObject({ code: 'forbidden' })
      expect(JSON.stringify(refused)).not.toMatch(/SECRET|127\.0|::1/)
    }
    expect(secretHits).toEqual([])
  })

  test.each([
    'http://127.0.0.1:{port}/r',
    'http://127.0.0.1/r',
    'http://[::1]:{port}/r',
    'http://[::1]/r',
    'http://evil.test:{port}/r',
    'http://evil.test/r',
    'http://localhost:{port}/r',
    'http://localhost/r',
    'file:///etc/passwd',
  ])('a redirect to %s is refused', async (to) => {
    const target = to.replace('{port}', String(secret.port))
    const refused = await fetchBy(publicSite(`/?to=${encodeURIComponent(target)}`))
    expect(refused).toMatchObject({ code: 'forbidden', message: expect.not.stringMatching(/127|::1|evil|passwd/) })
    expect(secretHits).toEqual([])
  })

  test('a loop of redirects ends', async () =>
    expect(await fetchBy(publicSite('/loop'))).toMatchObject({
      code: 'upstream_failed',
      message: expect.stringMatching(/redirects/),
    }))

  test('what unfolds to megabytes is cut', async () =>
    expect(await fetchBy(publicSite('/bomb'))).toMatchObject({ message: expect.stringMatching(/larger than/) }))

  test('what never ends is left', async () =>
    expect(await fetchBy(publicSite('/slow'), hasty)).toMatchObject({ code: 'upstream_timeout' }))

  test('a URL with credentials is refused', async () =>
    expect(await fetchBy(publicSite('/').replace('//', '//a:b@'))).toMatchObject({ code: 'invalid_request' }))

  test('a name that changes between check and use is judged when it is dialled', async () => {
    lookup('rebind.test', {}, () => undefined)
    expect(await fetchBy('http://rebind.test/')).toMatchObject({ code: 'forbidden' })
    expect(lookups['rebind.test']).toBeGreaterThan(1)
  })
})

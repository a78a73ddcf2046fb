import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createGuardedFetch, type GuardedFetch } from '@jan/guarded-fetch/guarded-fetch'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createPageExtractor } from './extract-page.ts'
import { type ScrapedPage, scrapeInput, scrapeOutput } from './scrape.schema.ts'
import { createPageTurns, type ScrapeDeps, type ScrapeFailure, type ScrapeRequest, scrapePage } from './scrape-page.ts'

const paragraph = `<p>${'The heron waits in the shallows until the water is still. '.repeat(6)}</p>`
const article = `<!doctype html><html lang="en"><head><title>Herons</title><meta name="author" content="Ann">
<base href="http://evil.test/"><style>p { color: red }</style></head><body>
<nav>${'<a href="/menu">menu</a>'.repeat(40)}</nav>
<article><h1>Herons</h1>${paragraph.repeat(5)}
<h2>Counts</h2><table><tr><th>Year</th><th>Nests</th></tr><tr><td>2024</td><td>17</td></tr><tr><td>2025</td><td>21</td></tr></table>
<pre><code class="language-js">let a = 1
  let  b</code></pre><ul><li>one</li><li>two</li></ul>
<p>See <a href="../more?x=1">more</a>, <a href="javascript:alert(1)">never</a>, <a href="data:text/html,x">nor</a>.</p>
<img src="/heron.png" alt="A heron" onerror="alert(1)"><script>alert("no")</script></article>
<footer>contact</footer></body></html>`

type Page = { type?: string | undefined; body: string | Buffer; status?: number }
const pages: Record<string, Page> = {
  '/birds/heron': { type: 'text/html; charset=utf-8', body: article },
  '/latin': { type: 'text/html; charset=iso-8859-1', body: Buffer.from('<title>Café</title><p>déjà vu</p>', 'latin1') },
  '/meta': { type: 'text/html', body: Buffer.from('<meta charset="windows-1252"><p>na\u00efve \x80</p>', 'latin1') },
  '/bom': { type: 'text/html', body: Buffer.from('\uFEFF<p>schön</p>', 'utf16le') },
  '/short': { type: 'text/html', body: '<title>Hi</title><p>Just <b>this</b><div hidden>not that</div>' },
  '/app': { type: 'text/html', body: '<html><head><title>App</title></head><body><script>x()</script></body></html>' },
  '/hostile': { type: 'text/html', body: `<html><body>${'<b>'.repeat(100_000)}` },
  '/deep': { type: 'text/html', body: `<html><body>${'<div>'.repeat(20_000)}x` },
  '/data.json': { type: 'application/json', body: '{"herons": 3}' },
  '/notes.md': { type: 'text/markdown', body: '# Notes\n\n*two*  spaces' },
  '/plain': { body: 'no type at all' },
  '/untyped': { body: '<p>markup without a type</p>' },
  '/paper.pdf': { type: 'application/pdf', body: Buffer.from('%PDF-1.7 \x00') },
  '/unknown': { body: Buffer.from([0, 1, 2, 3]) },
  '/missing': { type: 'text/html', body: 'gone', status: 404 },
  '/long': { type: 'text/plain', body: `${'a'.repeat(999)}😀${'b'.repeat(999)}` },
}

let server: Server
let guarded: GuardedFetch
let origin: string
let deps: ScrapeDeps

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === '/moved') return void response.writeHead(302, { location: '/birds/heron' }).end()
    if (request.url === '/inside') return void response.writeHead(302, { location: 'http://10.0.0.1/' }).end()
    const page = pages[request.url ?? ''] ?? { body: '', status: 404 }
    response.writeHead(page.status ?? 200, page.type ? { 'content-type': page.type } : {}).end(page.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  origin = `http://127.0.0.1:${port}`
  guarded = createGuardedFetch({
    allow: [`127.0.0.1:${port}`],
    timeoutMs: 5_000,
    maxBytes: 1 << 20,
    maxRedirects: 3,
    userAgent: 'test',
  })
  deps = {
    fetch: guarded.fetch,
    extract: createPageExtractor(),
    pages: createPageTurns(),
    clock: () => new Date('2026-01-02T03:04:05Z'),
  }
})

afterAll(async () => {
  await guarded.close()
  server.close()
  server.closeAllConnections()
})

const scrape = (path: string, more: Partial<ScrapeRequest> = {}) =>
  scrapePage(deps, {
    url: path.startsWith('/') ? `${origin}${path}` : path,
    includeMarkdown: false,
    signal: new AbortController().signal,
    ...more,
  })

const read = async (path: string, more: Partial<ScrapeRequest> = {}): Promise<ScrapedPage> => {
  const outcome = await scrape(path, more)
  if ('error' in outcome) throw new Error(outcome.error.message)
  return scrapeOutput.parse(outcome) as ScrapedPage
}

const refused = async (path: string): Promise<ScrapeFailure['error']> => {
  const outcome = await scrape(path)
  if ('error' in outcome) return outcome.error
  throw new Error('expected a failure')
}

describe('an article [H-88]', () => {
  test('is read without what is around it', async () => {
    const page = await read('/birds/heron')
    expect(page).toMatchObject({
      source_url: `${origin}/birds/heron`,
      title: 'Herons',
      cache_status: 'live',
      fetched_at: '2026-01-02T03:04:05.000Z',
      start_index: 0,
      next_start_index: null,
      metadata: {
        status: 200,
        contentType: 'text/html; charset=utf-8',
        title: 'Herons',
        byline: 'Ann',
        language: 'en',
      },
    })
    expect(page.text).toContain('The heron waits in the shallows')
    expect(page.text).toContain('Year\tNests\n2024\t17\n2025\t21')
    expect(page.text).toContain('let a = 1\n  let  b')
    expect(page.text).toContain('one\ntwo')
    expect(page.text).not.toMatch(/menu|contact|alert|color/)
    expect(page.text_preview).toBe(`${page.text.slice(0, 600)}…`)
    expect(page.total_chars).toBe(page.text.length)
    expect(page).not.toHaveProperty('markdown')
  })

  test('keeps tables, code, lists and absolute links in Markdown', async () => {
    const { markdown } = await read('/birds/heron', { includeMarkdown: true })
    expect(markdown).toMatch(/\| Year +\| Nests +\|\n\| -+ \| -+ \|\n\| 2024/)
    expect(markdown).toContain('let a = 1\n  let  b')
    expect(markdown).toContain(`[more](${origin}/more?x=1)`)
    expect(markdown).toContain(`![A heron](${origin}/heron.png)`)
    expect(markdown).not.toMatch(/evil\.test|javascript:|data:|alert/)
  })

  test('has as many pieces as its longer form needs', async () => {
    const { total_chars } = await read('/birds/heron')
    const page = await read('/birds/heron', { includeMarkdown: true, maxChars: total_chars })
    const rest = await read('/birds/heron', { includeMarkdown: true, startIndex: page.next_start_index ?? 0 })
    const whole = await read('/birds/heron', { includeMarkdown: true })
    expect(rest.text).toBe('')
    expect(`${page.markdown}${rest.markdown}`).toBe(whole.markdown)
  })

  test('is found behind a redirect, and its links belong to where it was found', async () => {
    expect((await read('/moved')).source_url).toBe(`${origin}/birds/heron`)
  })
})

describe('other pages', () => {
  test('the character set comes from the header, the page or its mark', async () => {
    expect(await read('/latin')).toMatchObject({ title: 'Café', text: 'déjà vu' })
    expect((await read('/meta')).text).toBe('naïve €')
    expect((await read('/bom')).text).toBe('schön')
  })

  test('a page that is no article is read whole', async () => {
    const page = await read('/short')
    expect(page.title).toBe('Hi')
    expect(page.text).toBe('Just this')
    expect(page.text_preview).toBe(page.text)
  })

  test('a page without text has none', async () => {
    expect(await read('/app')).toMatchObject({ title: 'App', text: '', total_chars: 0 })
  })

  test('text, Markdown and JSON are taken as they are; without a type the content decides', async () => {
    expect((await read('/data.json')).text).toBe('{"herons": 3}')
    expect((await read('/notes.md')).text).toBe('# Notes\n\n*two*  spaces')
    expect((await read('/plain')).text).toBe('no type at all')
    expect((await read('/untyped')).text).toBe('markup without a type')
  })

  test('a long text comes in pieces that never part a character', async () => {
    const first = await read('/long', { maxChars: 1_000 })
    expect(first).toMatchObject({ text: 'a'.repeat(999), total_chars: 2_000, next_start_index: 1_000 })
    const second = await read('/long', { maxChars: 1_000, startIndex: first.next_start_index ?? 0 })
    expect(second.text).toBe(`😀${'b'.repeat(999)}`)
    expect(second.next_start_index).toBeNull()
    expect(await read('/long', { startIndex: 9_999 })).toMatchObject({ text: '', next_start_index: null })
  })
})

describe('what cannot be read', () => {
  test('an error page is an error, not text', async () => {
    expect(await refused('/missing')).toMatchObject({
      code: 'upstream_failed',
      message: 'The page answered with status 404',
    })
  })

  test('documents without text are named', async () => {
    expect((await refused('/paper.pdf')).message).toBe('Documents of type application/pdf cannot be read')
    expect((await refused('/unknown')).message).toBe('Documents of type unknown cannot be read')
  })

  test('private addresses and other schemes are refused, also behind a redirect [H-58]', async () => {
    for (const url of ['http://127.0.0.1/', 'http://10.0.0.1/', '/inside', 'http://[::1]/'])
      expect(await refused(url)).toMatchObject({ code: 'forbidden' })
    for (const url of ['file:///etc/passwd', 'nonsense'])
      expect(await refused(url)).toMatchObject({ code: 'invalid_request' })
  })

  test('a page made to burn the processor is given up, and others are read meanwhile', async () => {
    const [hostile, page] = await Promise.all([refused('/hostile'), read('/short')])
    expect(hostile.message).toBe('The page is too complex to be read')
    expect(page.text).toBe('Just this')
  })

  test('a caller who leaves ends the reading', async () => {
    const leaving = new AbortController()
    const reason = new Error('left')
    const extract: ScrapeDeps['extract'] = (...page) => {
      setImmediate(() => leaving.abort(reason))
      return deps.extract(...page)
    }
    const request = { url: `${origin}/deep`, includeMarkdown: false, signal: leaving.signal }
    await expect(scrapePage({ ...deps, extract }, request)).rejects.toBe(reason)
  })
})

test('the tool takes both spellings of its option', () => {
  expect(scrapeInput.parse({ url: 'http://a.test' })).toEqual({
    url: 'http://a.test',
    max_chars: 20_000,
    start_index: 0,
  })
  for (const name of ['includeMarkdown', 'include_markdown'])
    expect(scrapeInput.parse({ url: 'http://a.test', [name]: true })).toHaveProperty(name, true)
})

test('no more pages are held at once than there are turns, and a line that is too long is refused', async () => {
  let held = 0
  let most = 0
  const gate = Promise.withResolvers<void>()
  const fetch: typeof deps.fetch = async (url, init) => {
    held += 1
    most = Math.max(most, held)
    await gate.promise
    return deps.fetch(url, init)
  }
  const busy = { ...deps, fetch, pages: createPageTurns(1) }
  const ask = () =>
    scrapePage(busy, {
      url: 'http://127.0.0.1:1/',
      includeMarkdown: false,
      signal: new AbortController().signal,
    }).finally(() => {
      held -= 1
    })
  const asked = Array.from({ length: 10 }, ask)
  expect(await asked[9]).toMatchObject({
    error: { code: 'unavailable', message: expect.stringContaining('Too many pages') },
  })
  gate.resolve()
  await Promise.all(asked)
  expect(most).toBe(1)
})

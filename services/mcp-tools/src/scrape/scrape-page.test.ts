import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { deflateSync } from 'node:zlib'
import { createGuardedFetch, type GuardedFetch } from '@jan/guarded-fetch/guarded-fetch'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { smallPdf } from '../../test/small-pdf.ts'
import { createMemoryCache } from '../cache/cache.ts'
import { createPageExtractor } from './extract-page.ts'
import { createPageCache } from './page-cache.ts'
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

const paper = smallPdf(
  [
    [
      [50, 800, 'Herons (in winter)'],
      [50, 770, 'They wait in the shallows'],
      [50, 756, 'until the water is still.'],
      ...['Year', '2024', '2025'].map((text, row): [number, number, string] => [50, 720 - 16 * row, text]),
      ...['Nests', '17', '21'].map((text, row): [number, number, string] => [200, 720 - 16 * row, text]),
    ],
    [[50, 800, 'The second page']],
  ],
  'Winter birds',
)

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
  '/paper.pdf': { type: 'application/pdf', body: paper },
  '/untyped.pdf': { type: 'application/octet-stream', body: paper },
  '/damaged.pdf': { type: 'application/pdf', body: Buffer.from('%PDF-1.7 \x00') },
  '/bomb.pdf': {
    type: 'application/pdf',
    body: smallPdf([{ stream: deflateSync(Buffer.alloc(1 << 30)), filter: 'FlateDecode' }]),
  },
  '/picture': { type: 'image/png', body: Buffer.from([0x89, 0x50]) },
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
    kept: createPageCache(createMemoryCache(1 << 20, 1 << 20), 0),
    clock: () => new Date('2026-01-02T03:04:05Z'),
  }
})

afterAll(async () => {
  await guarded.close()
  server.close()
  server.closeAllConnections()
})

const scrape = (path: string, more: Partial<ScrapeRequest> = {}, by = deps) =>
  scrapePage(by, {
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

describe('an article [H-88 B-017]', () => {
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

  test('keeps tables, code, lists and absolute links in Markdown, in as many pieces as that needs [B-065]', async () => {
    const { markdown, source_url, text } = await read('/moved', { includeMarkdown: true })
    // Found behind a redirect: its links belong to where it was found.
    expect(source_url).toBe(`${origin}/birds/heron`)
    expect(markdown).toMatch(/\| Year +\| Nests +\|\n\| -+ \| -+ \|\n\| 2024/)
    expect(markdown).toContain('let a = 1\n  let  b')
    expect(markdown).toContain(`[more](${origin}/more?x=1)`)
    expect(markdown).toContain(`![A heron](${origin}/heron.png)`)
    expect(markdown).not.toMatch(/evil\.test|javascript:|data:|alert/)
    const page = await read('/birds/heron', { includeMarkdown: true, maxChars: text.length })
    const rest = await read('/birds/heron', { includeMarkdown: true, startIndex: page.next_start_index ?? 0 })
    expect(rest.text).toBe('')
    expect(`${page.markdown}${rest.markdown}`).toBe(markdown)
  })
})

describe('other pages', () => {
  test('the character set comes from the header, the page or its mark [B-017]', async () => {
    const [latin, meta, bom] = await Promise.all(['/latin', '/meta', '/bom'].map((path) => read(path)))
    expect(latin).toMatchObject({ title: 'Café', text: 'déjà vu' })
    expect([meta?.text, bom?.text]).toEqual(['naïve €', 'schön'])
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

  test('a PDF is read line by line, its tables too [B-017]', async () => {
    const papers = ['/paper.pdf', '/untyped.pdf'].map((path) => read(path, { includeMarkdown: true }))
    for (const page of await Promise.all(papers)) {
      expect(page).toMatchObject({ title: 'Winter birds', metadata: { pages: 2 } })
      expect(page.text).toBe(
        'Herons (in winter)\nThey wait in the shallows\nuntil the water is still.\n' +
          'Year\tNests\n2024\t17\n2025\t21\n\nThe second page',
      )
      expect(page.markdown).toContain(
        '| Year | Nests |\n| --- | --- |\n| 2024 | 17 |\n| 2025 | 21 |\n\nThe second page',
      )
    }
    expect((await refused('/damaged.pdf')).message).toBe('The PDF is damaged')
  })

  test('Markdown that was asked for is told of plain text, too [B-065]', async () => {
    expect((await read('/notes.md', { includeMarkdown: true })).markdown).toBe('# Notes\n\n*two*  spaces')
  })

  test('text, Markdown and JSON are taken as they are; without a type the content decides', async () => {
    expect((await read('/data.json')).text).toBe('{"herons": 3}')
    expect((await read('/notes.md')).text).toBe('# Notes\n\n*two*  spaces')
    expect((await read('/plain')).text).toBe('no type at all')
    expect((await read('/untyped')).text).toBe('markup without a type')
  })

  test('a long text comes in pieces that never part a character [B-017]', async () => {
    const first = await read('/long', { maxChars: 1_000 })
    expect(first).toMatchObject({ text: 'a'.repeat(999), total_chars: 2_000, next_start_index: 1_000 })
    const second = await read('/long', { maxChars: 1_000, startIndex: first.next_start_index ?? 0 })
    expect(second.text).toBe(`😀${'b'.repeat(999)}`)
    expect(second.next_start_index).toBeNull()
    expect(await read('/long', { startIndex: 9_999 })).toMatchObject({ text: '', next_start_index: null })
  })
})

test('a reader whose service was killed ends, however busy it is [B-019]', async () => {
  const program = `
    const { createPageExtractor } = await import(${JSON.stringify(new URL('./extract-page.ts', import.meta.url).href)})
    const source = { bytes: Buffer.from('<html><body>' + '<b>'.repeat(100_000)), contentType: 'text/html', url: 'http://a.test/' }
    createPageExtractor({ timeoutMs: 600_000 })(source, false, new AbortController().signal)
  `
  const service = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'ignore' })
  const children = () => readFileSync(`/proc/${service.pid}/task/${service.pid}/children`, 'utf8').trim()
  const reader = Number(await until(() => children() || false))
  await until(() => Number(readFileSync(`/proc/${reader}/stat`, 'utf8').split(' ')[13]) > 100)
  service.kill('SIGKILL')
  await until(() => !existsSync(`/proc/${reader}`) || readFileSync(`/proc/${reader}/stat`, 'utf8').includes(') Z '))
})

describe('what cannot be read', () => {
  test('an error page is an error, not text', async () => {
    expect(await refused('/missing')).toMatchObject({
      code: 'upstream_failed',
      message: 'The page answered with status 404',
    })
  })

  test('documents without text are named', async () => {
    expect((await refused('/picture')).message).toBe('Documents of type image/png cannot be read')
    expect((await refused('/unknown')).message).toBe('Documents of type unknown cannot be read')
  })

  test('private addresses and other schemes are refused, also behind a redirect [H-58]', async () => {
    for (const url of ['http://127.0.0.1/', 'http://10.0.0.1/', '/inside', 'http://[::1]/'])
      expect(await refused(url)).toMatchObject({ code: 'forbidden' })
    for (const url of ['file:///etc/passwd', 'nonsense'])
      expect(await refused(url)).toMatchObject({ code: 'invalid_request' })
  })

  test('a PDF that unfolds to gigabytes and a page made to burn the processor are given up, and others are read meanwhile [B-019]', async () => {
    const aside = { ...deps, extract: createPageExtractor({ maxAtOnce: 3, timeoutMs: 1_500 }) }
    const paths = ['/bomb.pdf', '/hostile', '/short']
    const [bomb, hostile, page] = await Promise.all(paths.map((path) => scrape(path, {}, aside)))
    const tooComplex = { error: { code: 'upstream_failed', message: 'The page is too complex to be read' } }
    expect([bomb, hostile]).toMatchObject([tooComplex, tooComplex])
    expect(page).toMatchObject({ text: 'Just this' })
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
    return deps.fetch(url, init).finally(() => {
      held -= 1
    })
  }
  const busy = { ...deps, fetch, pages: createPageTurns(1) }
  const ask = () =>
    scrapePage(busy, {
      url: 'http://127.0.0.1:1/',
      includeMarkdown: false,
      signal: new AbortController().signal,
    })
  const asked = Array.from({ length: 10 }, ask)
  expect(await asked[9]).toMatchObject({
    error: { code: 'unavailable', message: expect.stringContaining('Too many pages') },
  })
  gate.resolve()
  await Promise.all(asked)
  expect(most).toBe(1)
})

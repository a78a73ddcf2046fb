import { createGuardedFetch, type GuardedFetch } from '@jan/guarded-fetch/guarded-fetch'
import { type Served, serve } from '@jan/testkit/serve'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { fetchJsonInput } from './fetch-json.schema.ts'
import { fetchJson } from './fetch-json.ts'

const herons = { birds: [{ name: 'heron', 'a/b': { '~': 1 } }, { name: 'owl' }], '': 'empty', count: 2 }
const pages: Record<string, { type?: string; body: string | Buffer; status?: number }> = {
  '/birds': { type: 'application/json; charset=utf-8', body: JSON.stringify(herons) },
  '/problem': { type: 'application/ld+json', body: '[1, null, "x"]' },
  '/plain': { type: 'text/plain', body: '{"a": 1}' },
  '/utf16': { body: Buffer.from('\uFEFF{"ä": "ö"}', 'utf16le') },
  '/page': { type: 'text/html', body: '<p>hello' },
  '/broken': { type: 'application/json', body: '{"a": ' },
  '/gone': { type: 'application/json', body: '{}', status: 404 },
  '/big': { type: 'application/json', body: JSON.stringify('x'.repeat(3 << 20)) },
  '/deep': { type: 'application/json', body: `${'['.repeat(50_000)}${']'.repeat(50_000)}` },
}

let site: Served
let guarded: GuardedFetch
beforeAll(async () => {
  site = await serve((request, response) => {
    const { type, body, status = 200 } = pages[request.url ?? ''] ?? { body: '', status: 404 }
    response.writeHead(status, type ? { 'content-type': type } : {}).end(body)
  })
  guarded = createGuardedFetch({
    allow: [`127.0.0.1:${site.port}`],
    timeoutMs: 2_000,
    maxBytes: 5 << 20,
    maxRedirects: 5,
    userAgent: 'test',
  })
})
afterAll(async () => {
  await guarded.close()
  await site.close()
})

const get = (path: string, more: Record<string, unknown> = {}) =>
  fetchJson(
    { fetch: guarded.fetch, clock: () => new Date('2026-01-02T03:04:05Z') },
    fetchJsonInput.parse({ url: `${site.url}${path}`, ...more }),
    new AbortController().signal,
  )

describe('fetch_json [B-033]', () => {
  test('tells the document, or what a pointer leads to', async () => {
    expect(await get('/birds')).toEqual({
      source_url: `${site.url}/birds`,
      pointer: '',
      value: herons,
      total_chars: JSON.stringify(herons).length,
      fetched_at: '2026-01-02T03:04:05.000Z',
    })
    for (const [pointer, value] of [
      ['/birds/1/name', 'owl'],
      ['/birds/0/a~1b/~0', 1],
      ['/', 'empty'],
      ['/count', 2],
    ])
      expect(await get('/birds', { pointer })).toMatchObject({ value })
  })

  test('takes what is JSON under other names and in other encodings', async () => {
    expect(await get('/problem')).toMatchObject({ value: [1, null, 'x'] })
    expect(await get('/problem', { pointer: '/1' })).toMatchObject({ value: null })
    expect(await get('/plain')).toMatchObject({ value: { a: 1 } })
    expect(await get('/utf16')).toMatchObject({ value: { ä: 'ö' } })
  })

  test.each<[string, Record<string, unknown>, string, string | RegExp]>([
    ['/birds', { pointer: 'birds' }, 'invalid_request', /no JSON pointer; write it like/],
    [
      '/birds',
      { pointer: '/bird' },
      'not_found',
      /^There is no "bird" at '', where an object with "birds", "", "count" is$/,
    ],
    ['/birds', { pointer: '/birds/2' }, 'not_found', /at '\/birds', where an array of 2 items is/],
    ['/birds', { pointer: '/birds/length' }, 'not_found', /an array of 2 items/],
    ['/birds', { pointer: '/constructor' }, 'not_found', /There is no "constructor"/],
    ['/birds', { pointer: '/count/x' }, 'not_found', /where a number is/],
    ['/birds', { max_chars: 20 }, 'payload_too_large', /more than max_chars \(20\).*"birds".*point to a part of it/],
    ['/page', {}, 'upstream_failed', /text\/html, not JSON; read it with scrape/],
    ['/broken', {}, 'upstream_failed', /no JSON/],
    ['/gone', {}, 'upstream_failed', 'The address answered with status 404'],
    ['/big', {}, 'upstream_failed', /larger than/],
    ['/deep', {}, 'upstream_failed', /nested deeper than 100 levels/],
    ['/birds', { url: 'ftp://a.test/' }, 'invalid_request', 'Only http and https URLs are fetched'],
  ])('%s %j is refused in words to act on: %s', async (path, more, code, message) => {
    await expect(get(path, more)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })
})

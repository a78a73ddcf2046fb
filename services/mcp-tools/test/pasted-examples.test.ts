import { type Served, serve } from '@jan/testkit/serve'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startService, type TestService } from './start.ts'

/** The examples that were published for this service, byte for byte; they came without a token. */

let service: TestService
let page: Served
beforeAll(async () => {
  page = await serve((_request, response) => {
    response
      .setHeader('content-type', 'text/html')
      .end('<title>Python</title><body><h1>Python</h1><p>Documentation.</p>')
  })
  service = await startService({ AUTH_ENABLED: 'false', OUTBOUND_ALLOW: `127.0.0.1:${page.port}` })
})
afterAll(async () => {
  await service.close()
  await page.close()
})

/** As curl sends it: `Accept: *\/*`, no handshake. */
const paste = async (body: string) => {
  const response = await service.post(body, { authorization: '', accept: '*/*' })
  expect(response.headers.get('content-type')).toMatch(/^application\/json/)
  return { status: response.status, body: (await response.json()) as { result?: { tools: { name: string }[] } } }
}

describe('pasted examples', () => {
  test('tools/list [P-009]', async () => {
    const { status, body } = await paste(`{
 "jsonrpc": "2.0",
 "id": 42,
 "method": "tools/list"
 }`)
    expect(status).toBe(200)
    expect(body).toMatchObject({ jsonrpc: '2.0', id: 42 })
    expect(body.result?.tools.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['google_search', 'scrape', 'python_exec']),
    )
  })

  test('google_search', async () => {
    const { body } = await paste(`{
 "jsonrpc": "2.0",
 "id": 2,
 "method": "tools/call",
 "params": {
 "name": "google_search",
 "arguments": {"q": "latest AI news", "num": 5}
 }
 }`)
    expect(body).toMatchObject({ id: 2, result: { structuredContent: { query: 'latest AI news' } } })
  })

  test('scrape', async () => {
    const { body } = await paste(
      `{
 "jsonrpc": "2.0",
 "id": 3,
 "method": "tools/call",
 "params": {
 "name": "scrape",
 "arguments": {"url": "https://docs.python.org/3/", "includeMarkdown": true}
 }
 }`.replace('https://docs.python.org', page.url),
    )
    expect(body).toMatchObject({
      id: 3,
      result: { structuredContent: { title: 'Python', markdown: expect.stringContaining('# Python') } },
    })
  })

  test('file_search_query is not JSON [P-020]', async () => {
    const text = `{
 "jsonrpc": "2.0",
 "id": 5,
 "method": "tools/call",
 "params": {
 "name": "file_search_query",
 }
 }`
    const { status, body } = await paste(text)
    const position = text.indexOf('}')
    expect(status).toBe(400)
    expect(body).toMatchObject({
      jsonrpc: '2.0',
      id: null,
      error: { code: -32700, message: expect.stringContaining(`position ${position} (line 7, column 2)`) },
    })
  })

  test('without its stray comma file_search_query is a result that says what is missing [P-021]', async () => {
    const { status, body } = await paste(`{
 "jsonrpc": "2.0",
 "id": 5,
 "method": "tools/call",
 "params": {
 "name": "file_search_query"
 }
 }`)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      id: 5,
      result: { isError: true, content: [{ type: 'text', text: expect.stringContaining('query') }] },
    })
  })

  test('python_exec', async () => {
    const { body } = await paste(`{
 "jsonrpc": "2.0",
 "id": 6,
 "method": "tools/call",
 "params": {
 "name": "python_exec",
 "arguments": {"code": "import math; print(math.pi)"}
 }
 }`)
    expect(body).toMatchObject({ id: 6, result: { structuredContent: { stdout: '3.141592653589793\n' } } })
  })
})

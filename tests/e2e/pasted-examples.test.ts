import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { at, eventsOf, guestToken, type Json, post, shared, startTestPlatform, type TestPlatform } from '../platform.ts'
import { runCurl } from './shell.ts'

/**
 * The examples that users have been given, pasted as they stand. Put in: tokens, ids, this run's ports,
 * and pages of this machine for pages of the internet. Those without a token run where AUTH_ENABLED=false.
 */
const OPEN = 11_000
let open: TestPlatform
let token: string
let mediaId: string

const image = readFileSync(new URL('../../examples/chart.png', import.meta.url))

beforeAll(async () => {
  open = await startTestPlatform(OPEN, {
    AUTH_ENABLED: 'false',
    // This platform uses a model that runs elsewhere, as one's own would: the other platform's.
    JAN_MODEL_BASE_URL: at('simulator', '/v1'),
    JAN_MODEL: 'jan-simulator',
    MODEL_ALIASES: 'gpt-4o-mini=jan-simulator',
  })
  token = await guestToken()
  const media = await post(
    at('gateway', '/v1/media'),
    { source: { type: 'data_url', data_url: `data:image/png;base64,${image.toString('base64')}` } },
    token,
  )
  mediaId = media.body.id
}, 60_000)
afterAll(async () => {
  await open.stop()
})

function paste(command: string, offset: number = shared.offset): Promise<Response> {
  const put = command
    .replaceAll('<token>', token)
    .replaceAll('jan_01hqr8v9k2x3f4g5h6j7k8m9n0', mediaId)
    .replaceAll('https://example.com/image.jpg', at('examples', '/image.jpg', offset))
    .replaceAll('https://docs.python.org/3/', at('examples', '/', offset))
    .replace(/localhost:(8000|8080|8082|8091|8285)\b/g, (_whole, port: string) => `localhost:${Number(port) + offset}`)
  return runCurl(put)
}
const json = async (response: Response): Promise<Json> => ({ status: response.status, body: await response.json() })

test('a model of one’s own is used, and no simulator started [H-25 H-66]', async () => {
  expect((await open.cli('status')).stdout).toMatch(/^ {2}simulator .* down$/m)
  const { body } = await json(await paste('curl -s http://localhost:8082/v1/responses -d \'{"input":"Hello"}\'', OPEN))
  expect([body.status, body.model]).toEqual(['completed', 'jan-simulator'])
})

test('get a guest token [P-012 P-031]', async () => {
  expect(await json(await paste('curl -X POST http://localhost:8000/auth/guest'))).toMatchObject({
    status: 201,
    body: {
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 3600,
      refresh_token: expect.any(String),
      user_id: expect.any(String),
    },
  })
})

test('simple chat completion [P-031]', async () => {
  const response = await paste(`curl -X POST http://localhost:8000/v1/chat/completions \\
  -H "Authorization: Bearer <token>" \\
  -H "Content-Type: application/json" \\
  -d '{
    "model": "jan-v1-4b",
    "messages": [{"role": "user", "content": "Hello!"}],
    "stream": true
  }'`)
  expect(eventsOf(await response.text()).at(-1)!.data).toBe('[DONE]')
})

test('chat completion with media [P-031]', async () => {
  // The apostrophe of "What's" ends a shell's quote, so it is written as a shell needs it.
  const response = await paste(`curl -X POST http://localhost:8000/v1/chat/completions \\
  -H "Authorization: Bearer <token>" \\
  -H "Content-Type: application/json" \\
  -d '{
    "model": "jan-v1-4b",
    "messages": [{
      "role": "user",
      "content": [
        {"type": "text", "text": "What'\\''s in this image?"},
        {"type": "image_url", "image_url": {"url": "jan_01hqr8v9k2x3f4g5h6j7k8m9n0"}}
      ]
    }]
  }'`)
  expect((await json(response)).body.choices[0].message.content).toMatch(/PNG/)
})

test('upload media by URL, then resolve it [P-015 P-031]', async () => {
  const { status, body } = await json(
    await paste(`curl -X POST http://localhost:8285/v1/media \\
  -H "X-Media-Service-Key: changeme-media-key" \\
  -H "Content-Type: application/json" \\
  -d '{
    "source": {
      "type": "remote_url",
      "url": "https://example.com/image.jpg"
    },
    "user_id": "user123"
  }'`),
  )
  expect([status, body]).toEqual([
    200,
    {
      id: expect.stringMatching(/^jan_/),
      mime: 'image/png',
      bytes: image.length,
      deduped: expect.any(Boolean),
      presigned_url: expect.any(String),
    },
  ])
  const resolved = await json(
    await paste(`curl -X POST http://localhost:8285/v1/media/resolve \\
  -H "X-Media-Service-Key: changeme-media-key" \\
  -H "Content-Type: application/json" \\
  -d '{"ids": ["${body.id}"]}'`),
  )
  expect(resolved).toMatchObject({ status: 200, body: { media: [{ id: body.id, presigned_url: expect.any(String) }] } })
})

const SEARCH = `curl -X POST http://localhost:8000/v1/mcp \\
  -H "Content-Type: application/json" \\
  -d '{
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {
      "name": "google_search",
      "arguments": {"q": "latest AI news", "num": 5}
    }
  }'`

test('search without a token, where nobody is asked for one [P-018 P-019 P-031]', async () => {
  expect((await paste(SEARCH)).status).toBe(401)
  const { status, body } = await json(await paste(SEARCH, OPEN))
  expect([status, body.id, body.result.isError ?? false, body.result.content[0].type]).toEqual([200, 1, false, 'text'])
})

test('services serve tools of their own only when asked to, mcp-tools always does [P-050 P-051 B-049]', async () => {
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
  const ask = (path: string) => post(at('gateway', path, OPEN), message)
  for (const path of ['/llm/mcp', '/media/mcp', '/responses/mcp'])
    expect([path, (await ask(path)).status]).toEqual([path, 404])
  for (const path of ['/v1/mcp', '/mcp']) {
    const names = (await ask(path)).body.result.tools.map((tool: Json) => tool.name)
    expect(names).toContain('google_search')
    expect(names.filter((name: string) => name.startsWith('jan__'))).toEqual([])
  }
})

test('list available tools [P-011 P-031]', async () => {
  expect(
    (await json(await paste('curl -X GET http://localhost:8091/v1/mcp/tools'))).body.tools.map(
      (tool: Json) => tool.name,
    ),
  ).toContain('google_search')
})

test('create a response with tool execution [P-018 P-019 P-031]', async () => {
  const command = `curl -X POST http://localhost:8082/v1/responses \\
  -H "Content-Type: application/json" \\
  -d '{
    "model": "gpt-4o-mini",
    "input": "Search for the latest AI news and summarize the top 3 results"
  }'`
  expect((await paste(command)).status).toBe(401)
  const { status, body } = await json(await paste(command, OPEN))
  expect([status, body.status, body.output.map((item: Json) => item.type)]).toEqual([
    200,
    'completed',
    ['mcp_call', 'message'],
  ])
  expect(body.jan).toMatchObject({
    tool_executions: [{ tool: 'google_search', status: 'completed', duration_ms: expect.any(Number) }],
    depth: expect.any(Number),
    duration_ms: expect.any(Number),
  })
}, 60_000)

test('stream a response through the gateway [P-030 P-031]', async () => {
  const response = await paste(`curl -X POST http://localhost:8000/responses/v1/responses \\
 -H "Authorization: Bearer <token>" \\
 -H "Content-Type: application/json" \\
 -d '{
 "model": "gpt-4o-mini",
 "input": "Search for Python async programming and summarize top 3 results",
 "stream": true
 }'`)
  expect(eventsOf(await response.text()).at(-2)!.event).toBe('response.completed')
}, 60_000)

const rpc = (params: string) => `curl -s http://localhost:8000/v1/mcp \\
  -H "Authorization: Bearer <token>" \\
  -H "Content-Type: application/json" \\
  -d '${params}'`

test('list tools over MCP without initialize [P-007 P-009 P-031]', async () => {
  const { status, body } = await json(
    await paste(
      `${rpc(`{
    "jsonrpc": "2.0",
    "id": 42,
    "method": "tools/list"
  }`)} | jq`,
    ),
  )
  expect([status, body.id, body.result.tools.length > 2]).toEqual([200, 42, true])
})

test('scrape with includeMarkdown [P-031]', async () => {
  const { body } = await json(
    await paste(
      rpc(`{
    "jsonrpc": "2.0",
    "id": 3,
    "method": "tools/call",
    "params": {
      "name": "scrape",
      "arguments": {"url": "https://docs.python.org/3/", "includeMarkdown": true}
    }
  }`),
    ),
  )
  expect([body.result.isError ?? false, body.result.structuredContent.markdown]).toEqual([
    false,
    expect.stringContaining('| Task |'),
  ])
})

test('python_exec [P-022 P-031]', async () => {
  const { body } = await json(
    await paste(
      rpc(`{
    "jsonrpc": "2.0",
    "id": 6,
    "method": "tools/call",
    "params": {
      "name": "python_exec",
      "arguments": {"code": "import math; print(math.pi)"}
    }
  }`),
    ),
  )
  expect(body.result.structuredContent.stdout).toBe('3.141592653589793\n')
}, 60_000)

test('the query example is malformed as it stands: a parse error that says where [P-020 P-031]', async () => {
  const { status, body } = await json(
    await paste(
      rpc(`{
    "jsonrpc": "2.0",
    "id": 5,
    "method": "tools/call",
    "params": {
      "name": "file_search_query",
    }
  }`),
    ),
  )
  expect([status, body.error.code, body.error.message]).toEqual([
    400,
    -32700,
    expect.stringMatching(/position \d+ \(line 7, column 5\)/),
  ])
})

test('health through the gateway and direct [P-010 P-034]', async () => {
  expect((await paste('curl http://localhost:8000/mcp/healthz')).status).toBe(200)
  expect((await paste('curl http://localhost:8091/healthz')).status).toBe(200)
})

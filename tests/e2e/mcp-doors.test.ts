import { beforeAll, expect, test } from '@jest/globals'
import { SSEClientTransport as SseV2 } from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport as SseV1 } from '@modelcontextprotocol/sdk/client/sse.js'
import { at, eventsOf, get, guestToken, type Json, send } from '../platform.ts'
import { rpc, toolNames } from './mcp.ts'

/** How the endpoint is entered at the gateway: framing, old clients, foreign pages, nobody known. */

let token: string
beforeAll(async () => {
  token = await guestToken()
})

const ping = (accept: string | undefined, path: string) =>
  fetch(at('gateway', path), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      ...(accept === undefined ? {} : { accept }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'ping' }),
  })

test.each(['/v1/mcp', '/v1/mcp/', '/mcp', '/mcp/'])(
  '%s answers JSON, a stream to who wants nothing else, and 406 to who wants neither [P-007 P-008 P-010 B-084]',
  async (path) => {
    const answer = { jsonrpc: '2.0', id: 7, result: {} }
    for (const accept of [undefined, '*/*', 'application/json', 'application/json, text/event-stream']) {
      const response = await ping(accept, path)
      expect([accept, response.status, response.headers.get('content-type'), await response.json()]).toEqual([
        accept,
        200,
        'application/json',
        answer,
      ])
    }
    const stream = await ping('text/event-stream', path)
    expect(stream.headers.get('content-type')).toBe('text/event-stream')
    expect(eventsOf(await stream.text())).toEqual([{ event: 'message', data: answer }])
    expect((await ping('image/png', path)).status).toBe(406)
  },
)

test.each([
  ['v1', SseV1],
  ['v2', SseV2],
])('a client of the old transport of SDK %s lists and calls [B-003 B-084]', async (_name, Transport) => {
  const requestInit = { headers: { authorization: `Bearer ${token}` } }
  for (const path of ['/v1/mcp/sse', '/mcp/sse']) {
    const client = new Client({ name: 'test', version: '1' })
    await client.connect(new Transport(new URL(at('gateway', path)), { requestInit }) as never)
    const { tools } = await client.listTools()
    expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(['google_search', 'jan__list_models']))
    const result: Json = await client.callTool({ name: 'calculator', arguments: { expression: '6 * 7' } })
    expect(result.content[0].text).toContain('42')
    await client.close()
  }
})

test('a message to a session of the old transport that is nobody’s is 404 [B-003]', async () => {
  for (const path of ['/v1/mcp/messages?sessionId=nobody', '/mcp/messages?sessionId=nobody'])
    expect((await rpc('ping', {}, { token, path })).status).toBe(404)
})

test('the plain list is what anybody may use, at both addresses [P-011 B-044]', async () => {
  for (const path of ['/v1/mcp/tools', '/mcp/tools']) {
    const { body } = await get(at('gateway', path))
    expect(body.tools.map(({ name }: Json) => name)).toEqual(await toolNames(token))
    expect(body.tools[0]).toMatchObject({ description: expect.any(String), inputSchema: { type: 'object' } })
  }
})

test('nobody known is sent to the metadata, which is there [B-004 P-019]', async () => {
  const doors: [string, string][] = [
    ['POST', '/v1/mcp'],
    ['GET', '/v1/mcp/sse'],
    ['POST', '/v1/mcp/messages'],
    ['GET', '/v1/mcp/servers'],
    ['GET', '/v1/mcp/policy'],
    ['GET', '/v1/vector_stores'],
  ]
  for (const [method, path] of doors) {
    const { status, headers } = await send(method, at('gateway', path), { ...(method === 'POST' ? { body: {} } : {}) })
    const [, metadata] = /resource_metadata="([^"]+)"/.exec(headers.get('www-authenticate') ?? '') ?? []
    expect([path, status, (await get(metadata!)).body]).toEqual([
      path,
      401,
      expect.objectContaining({
        resource: at('gateway', '/v1/mcp'),
        authorization_servers: [at('identity', '/realms/jan')],
      }),
    ])
  }
})

test('foreign pages are 403, our own are served [B-005]', async () => {
  const asked = async (origin: string) => (await rpc('ping', {}, { token, headers: { origin } })).status
  for (const origin of ['http://evil.test', 'null', 'http://localhost.evil.test'])
    expect([origin, await asked(origin)]).toEqual([origin, 403])
  for (const origin of [at('gateway'), 'http://localhost:3000'])
    expect([origin, await asked(origin)]).toEqual([origin, 200])
  const opened = await send('GET', at('gateway', '/v1/mcp/sse'), { token, headers: { origin: 'http://evil.test' } })
  expect(opened.status).toBe(403)
})

test('what means nothing there is 405 [B-063]', async () => {
  for (const method of ['DELETE', 'PUT', 'PATCH'])
    expect([method, (await send(method, at('gateway', '/v1/mcp'), { token })).status]).toEqual([method, 405])
})

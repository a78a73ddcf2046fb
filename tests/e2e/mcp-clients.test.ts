import { expect, test } from '@jest/globals'
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { at, get, guestToken, type Json, post } from '../platform.ts'

const info = { name: 'test', version: '1' }
const init = async () => ({ requestInit: { headers: { authorization: `Bearer ${await guestToken()}` } } })

const connections: [string, (url: URL) => Promise<Json>][] = [
  [
    'of SDK v1',
    async (url) => {
      const client = new ClientV1(info)
      await client.connect(new TransportV1(url, await init()) as never)
      return client
    },
  ],
  [
    'of SDK v2',
    async (url) => {
      const client = new ClientV2(info)
      await client.connect(new TransportV2(url, await init()))
      return client
    },
  ],
  [
    'of SDK v2 that speaks 2026-07-28',
    async (url) => {
      const client = new ClientV2(info, { versionNegotiation: { mode: 'auto' } })
      await client.connect(new TransportV2(url, await init()))
      return client
    },
  ],
]

test.each(connections)(
  'a client %s lists and calls the tools, at both addresses [H-22 H-24 P-002]',
  async (_name, connect) => {
    for (const path of ['/v1/mcp', '/mcp']) {
      const client = await connect(new URL(at('gateway', path)))
      const names = (await client.listTools()).tools.map((tool: Json) => tool.name)
      expect(names).toEqual(expect.arrayContaining(['google_search', 'scrape', 'python_exec']))
      const result = await client.callTool({ name: 'python_exec', arguments: { code: 'print(6*7)' } })
      expect([result.isError ?? false, result.content[0].text]).toEqual([false, expect.stringContaining('42')])
      await client.close()
    }
  },
  60_000,
)

test('the plain list is open, the endpoint asks for a token and says where to get one [P-010 P-019]', async () => {
  expect((await get(at('gateway', '/mcp/tools'))).body.tools.length).toBeGreaterThan(2)
  expect((await get(at('gateway', '/mcp/healthz'))).body).toMatchObject({ status: 'ok', service: 'mcp-tools' })
  expect((await get(at('gateway', '/mcp/readyz'))).status).toBe(200)
  const refused = await post(at('gateway', '/v1/mcp'), { jsonrpc: '2.0', id: 1, method: 'tools/list' })
  expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
    401,
    expect.stringMatching(/^Bearer .*resource_metadata="http/),
  ])
})

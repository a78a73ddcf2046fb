import { expect, test } from '@jest/globals'
import { at, get, guestToken, type Json, post } from '../platform.ts'
import { connectModern, connectV1, connectV2 } from './mcp.ts'

test.each([
  ['of SDK v1', connectV1],
  ['of SDK v2', connectV2],
  ['of SDK v2 that speaks 2026-07-28', connectModern],
])(
  'a client %s lists and calls the tools, at both addresses [H-22 H-24 P-002]',
  async (_name, connect) => {
    for (const path of ['/v1/mcp', '/mcp']) {
      const client = await connect(path, await guestToken())
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

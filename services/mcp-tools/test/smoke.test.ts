import { createTestDatabase } from '@jan/testkit/postgres'
import { startServiceProcess } from '@jan/testkit/service-process'
import { expect, test } from '@jest/globals'
import { FIELD_ENCRYPTION_KEYS, INTERNAL_TOKEN_KEYS } from './start.ts'

test('on the real runtime the service starts, answers, and stops when told [H-27]', async () => {
  const database = await createTestDatabase({ service: 'mcp-tools' })
  await using service = await startServiceProcess('mcp-tools', () => ({
    AUTH_ENABLED: 'false',
    INTERNAL_TOKEN_KEYS,
    FIELD_ENCRYPTION_KEYS,
    MCP_TOOLS_DATABASE_URL: database.url,
  }))
  const response = await fetch(`${service.url}/v1/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'google_search', arguments: { q: 'bees' } },
    }),
  })
  expect(await response.json()).toMatchObject({ result: { structuredContent: { engine: 'offline' } } })
  expect(await service.stop()).toBe(0)
  await database.drop()
})

import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { type MediaService, startMediaService } from './media-service.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are judged by their shape
type Json = any

let service: MediaService
beforeAll(async () => {
  service = await startMediaService({ env: { MCP_ENABLED: 'true' } })
})
afterAll(() => service.close())

async function clientOf(subject: string): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' })
  const requestInit = { headers: await service.as(subject) }
  await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', service.url), { requestInit }))
  return client
}

test('what somebody stored is listed and read over MCP, by them only [B-048 B-050]', async () => {
  const text = 'Bees make honey.\n'
  const url = `data:text/plain;base64,${Buffer.from(text).toString('base64')}`
  const { body: stored } = await service.call('/v1/media', {
    headers: await service.as('ada'),
    json: { source: { type: 'data_url', data_url: url }, filename: 'bees.txt' },
  })
  const [ada, bob] = await Promise.all([clientOf('ada'), clientOf('bob')])
  const { tools } = await ada.listTools()
  expect(tools.map(({ name }) => name).sort()).toEqual(['get_media_text', 'list_media'])
  expect(Object.keys(tools.find(({ name }) => name === 'list_media')!.inputSchema.properties!)).not.toContain('user_id')

  const call = (client: Client, name: string, args: object): Promise<Json> =>
    client.callTool({ name, arguments: args as Record<string, unknown> })
  const since = { since: '2020-01-01T00:00:00Z', type: 'text/', limit: 3 }
  expect((await call(ada, 'list_media', since)).structuredContent.data).toEqual([
    expect.objectContaining({ id: stored.id, filename: 'bees.txt' }),
  ])
  expect((await call(ada, 'get_media_text', { id: stored.id })).structuredContent.text).toContain(text.trim())
  expect((await call(bob, 'list_media', {})).structuredContent.data).toEqual([])
  expect(await call(bob, 'get_media_text', { id: stored.id })).toMatchObject({
    isError: true,
    content: [{ text: expect.stringMatching(/\(not_found\)$/) }],
  })
  await Promise.all([ada.close(), bob.close()])
})

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { internalTokensOf } from './boot.ts'
import { personOf } from './conversation-service.ts'
import { type KeyService, startKeyService } from './key-service.ts'
import { type ListingProvider, startListingProvider } from './listing-provider.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are judged by their shape
type Json = any

const OFFERED = [
  'get_conversation_items',
  'get_model',
  'get_usage',
  'list_assistants',
  'list_conversations',
  'list_models',
  'list_projects',
  'search_conversations',
]
const identity = { name: 'test', version: '1' }

let provider: ListingProvider
let service: KeyService
let conversation: string
let mcpUrl: URL

beforeAll(async () => {
  provider = await startListingProvider('small/one')
  service = await startKeyService({ MCP_ENABLED: 'True', JAN_MODEL_BASE_URL: provider.url })
  mcpUrl = new URL('/mcp', service.url)
  const ada = await service.as('ada')
  const items = [{ type: 'message', role: 'user', content: 'How do bees make honey?' }]
  conversation = (await service.call('/v1/conversations', { headers: ada, json: { title: 'Bees', items } })).body.id
  await service.call('/v1/assistants', { headers: ada, json: { name: 'Beekeeper', model: 'any' } })
  await service.call('/v1/projects', { headers: ada, json: { name: 'Hive', instruction: 'Be kind' } })
})
afterAll(async () => {
  await service.close()
  await provider.close()
})

type Connect = (headers: Record<string, string>) => Promise<Json>
const connectV1: Connect = async (headers) => {
  const client = new ClientV1(identity)
  await client.connect(new TransportV1(mcpUrl, { requestInit: { headers } }) as never)
  return client
}
const connectV2 =
  (mode?: 'auto'): Connect =>
  async (headers) => {
    const client = new ClientV2(identity, mode ? { versionNegotiation: { mode } } : {})
    await client.connect(new TransportV2(mcpUrl, { requestInit: { headers } }))
    expect(client.getNegotiatedProtocolVersion()).toBe(mode ? '2026-07-28' : '2025-11-25')
    return client
  }

describe.each<[string, Connect]>([
  ['sdk 1.x', connectV1],
  ['client 2.x', connectV2()],
  ['client 2.x on 2026-07-28', connectV2('auto')],
])('%s', (_name, connect) => {
  let client: Json
  beforeAll(async () => {
    client = await connect(await service.as('ada'))
  })
  afterAll(() => client.close())

  const structured = async (name: string, args: object = {}) => {
    // The client holds the answer against the schema that the tool promised.
    const { structuredContent, isError, content } = await client.callTool({ name, arguments: args })
    expect([isError ?? false, content[0].text]).toEqual([false, expect.stringMatching(/^\{/)])
    return structuredContent
  }

  test('lists what is promised, with schemas and hints [B-049 B-050]', async () => {
    const { tools } = await client.listTools()
    expect(tools.map(({ name }: Json) => name).sort()).toEqual(OFFERED)
    for (const tool of tools) {
      expect(tool).toMatchObject({ title: expect.any(String), description: expect.any(String) })
      expect([tool.inputSchema.type, tool.outputSchema.type]).toEqual(['object', 'object'])
      expect(tool.annotations).toEqual({
        readOnlyHint: true,
        destructiveHint: false,
        idempotentHint: true,
        openWorldHint: false,
      })
      // As providers take names of arguments.
      for (const name of Object.keys(tool.inputSchema.properties)) expect(name).toMatch(/^[A-Za-z0-9_.-]{1,64}$/)
    }
  })

  test('reads what is there [B-050]', async () => {
    const { data } = await structured('list_models')
    expect(data).toEqual([expect.objectContaining({ id: expect.stringMatching(/small\/one$/), object: 'model' })])
    expect(await structured('get_model', { id: data[0].id })).toEqual(data[0])
    expect(await structured('list_assistants', { limit: 5 })).toMatchObject({ data: [{ name: 'Beekeeper' }] })
    expect(await structured('list_projects', { archived: false })).toMatchObject({ data: [{ name: 'Hive' }] })
    expect(await structured('list_conversations', { limit: 5, order: 'asc' })).toMatchObject({
      total: 1,
      data: [{ id: conversation, title: 'Bees' }],
    })
    expect(await structured('search_conversations', { query: 'honey' })).toMatchObject({ data: [{ id: conversation }] })
    expect(await structured('get_conversation_items', { id: conversation })).toMatchObject({
      data: [{ content: [{ text: 'How do bees make honey?' }] }],
    })
    expect(await structured('get_usage', { group_by: 'day,model' })).toMatchObject({ object: 'page' })
  })

  test('is told what is not there [B-048]', async () => {
    const result = await client.callTool({ name: 'get_model', arguments: { id: 'no/such' } })
    expect(result).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('no/such') }] })
  })
})

const call = async (name: string, args: object, headers: Record<string, string>): Promise<Json> =>
  (
    await service.call('/mcp', {
      headers,
      json: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } },
    })
  ).body.result
const namesFor = async (headers: Record<string, string>): Promise<string[]> =>
  (
    await service.call('/mcp/', { headers, json: { jsonrpc: '2.0', id: 1, method: 'tools/list' } })
  ).body.result.tools.map(({ name }: Json) => name)

test("another's conversation is not found [B-048]", async () => {
  const bob = await service.as('bob')
  expect(await call('get_conversation_items', { id: conversation }, bob)).toMatchObject({
    isError: true,
    content: [{ text: expect.stringMatching(/\(not_found\)$/) }],
    _meta: { 'jan/error': { code: 'not_found', status: 404 } },
  })
  expect((await call('list_conversations', {}, bob)).structuredContent.total).toBe(0)
  expect((await call('search_conversations', { query: 'honey' }, bob)).structuredContent.data).toEqual([])
})

test('a key does what it is good for, by either header [B-048 P-109]', async () => {
  const { key: chat } = await service.keyOf('ada', { scopes: ['chat'] })
  const { key: media } = await service.keyOf('ada', { scopes: ['media'] })
  const both: Record<string, string>[] = [{ 'x-api-key': chat }, { authorization: `Bearer ${chat}` }]
  for (const headers of both) expect((await call('list_conversations', {}, headers)).structuredContent.total).toBe(1)
  expect(await namesFor({ 'x-api-key': chat })).toHaveLength(OFFERED.length)
  expect((await namesFor({ 'x-api-key': media })).sort()).toEqual(['get_model', 'list_models'])
  const refused = await call('list_conversations', {}, { 'x-api-key': media })
  expect(refused).toMatchObject({
    isError: true,
    content: [{ text: "This API key lacks the scope 'chat' (forbidden)" }],
  })
})

test('a service reads for somebody what they may read themselves [B-048]', async () => {
  const tokens = internalTokensOf('mcp-tools')
  const acting = async (subject: string, more: object = {}) => ({
    authorization: `Bearer ${await tokens.mint('llm-api', { ...personOf(subject), ...more })}`,
  })
  expect((await call('list_conversations', {}, await acting('ada'))).structuredContent.total).toBe(1)
  expect((await call('get_conversation_items', { id: conversation }, await acting('bob'))).isError).toBe(true)
  const narrow = await acting('ada', { kind: 'key', scopes: ['mcp'] })
  expect((await call('list_conversations', {}, narrow)).content[0].text).toMatch(/lacks the scope 'chat'/)
  const itself = { authorization: `Bearer ${await tokens.mint('llm-api', { kind: 'service', service: 'mcp-tools' })}` }
  expect(await namesFor(itself)).toEqual([])
})

test('without a token there are no tools, and by default there is no /mcp [B-049 P-050 P-110]', async () => {
  const json = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
  const refused = await service.call('/mcp', { json })
  expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
    401,
    expect.stringContaining('resource_metadata="http://localhost:8000/llm/.well-known/oauth-protected-resource/mcp"'),
  ])
  const usual = await startKeyService()
  expect((await usual.call('/mcp', { headers: await usual.as('ada'), json })).status).toBe(404)
  await usual.close()
})

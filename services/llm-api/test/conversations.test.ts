import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type OpenAI from 'openai'
import { bootConversations, type ConversationService } from './conversation-service.ts'

type Input = OpenAI.Responses.ResponseInputItem

let service: ConversationService
let client: OpenAI

beforeAll(async () => {
  service = await bootConversations()
  client = await service.client('ann')
})
afterAll(() => service.close())

test('the OpenAI SDK makes, reads, changes and deletes a conversation [L-050 W-036]', async () => {
  const empty = await client.conversations.create()
  expect(empty).toMatchObject({
    id: expect.stringMatching(/^conv_[0-9a-z]{16}$/),
    object: 'conversation',
    metadata: {},
  })
  expect(Math.abs(empty.created_at - Date.now() / 1000)).toBeLessThan(60)

  const made = await client.conversations.create({
    metadata: { topic: 'demo' },
    items: [{ role: 'user', content: 'Hello!' }],
  })
  expect(await client.conversations.retrieve(made.id)).toEqual(made)
  const changed = await client.conversations.update(made.id, { metadata: { topic: 'other' } })
  expect(changed).toEqual({ ...made, metadata: { topic: 'other' } })
  expect((await client.conversations.update(made.id, { metadata: null })).metadata).toEqual({})

  expect(await client.conversations.delete(made.id)).toEqual({
    id: made.id,
    object: 'conversation.deleted',
    deleted: true,
  })
  await expect(client.conversations.retrieve(made.id)).rejects.toMatchObject({ status: 404, type: 'not_found_error' })
  await expect(client.conversations.delete(made.id)).rejects.toMatchObject({ status: 404 })
})

test('the OpenAI SDK adds, lists, reads and deletes items [L-050]', async () => {
  const { id } = await client.conversations.create()
  const added = await client.conversations.items.create(id, {
    items: [
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'one' }] },
      { role: 'assistant', content: 'two' },
      { type: 'message', role: 'developer', content: 'three' },
    ],
  })
  expect(added).toMatchObject({
    object: 'list',
    has_more: false,
    first_id: added.data[0]!.id,
    last_id: added.data[2]!.id,
  })
  expect(added.data).toMatchObject([
    { type: 'message', role: 'user', status: 'completed', content: [{ type: 'input_text', text: 'one' }] },
    { role: 'assistant', content: [{ type: 'output_text', text: 'two', annotations: [] }] },
    { role: 'developer', content: [{ type: 'input_text', text: 'three' }] },
  ])

  const seen: string[] = []
  for await (const item of client.conversations.items.list(id, { limit: 1, order: 'asc' })) seen.push(item.id!)
  expect(seen).toEqual(added.data.map((item) => item.id))
  const newest = await client.conversations.items.list(id, { limit: 2 })
  expect(newest.data.map((item) => item.id)).toEqual([seen[2], seen[1]])
  expect(newest.has_more).toBe(true)

  const one = await client.conversations.items.retrieve(seen[0]!, { conversation_id: id })
  expect(one).toEqual(added.data[0])
  const left = await client.conversations.items.delete(seen[1]!, { conversation_id: id })
  expect(left).toMatchObject({ id, object: 'conversation' })
  await expect(client.conversations.items.retrieve(seen[1]!, { conversation_id: id })).rejects.toMatchObject({
    status: 404,
  })
  const rest = await client.conversations.items.list(id, { order: 'asc' })
  expect(rest.data.map((item) => item.id)).toEqual([seen[0], seen[2]])
})

const ITEMS = [
  { type: 'function_call', call_id: 'call_1', name: 'weather', arguments: '{"city":"Hà Nội"}', status: 'completed' },
  { type: 'function_call_output', call_id: 'call_1', output: '{"sky":"clear\\u0000"}', status: 'completed' },
  { type: 'function_call_output', call_id: 'call_1', output: [{ type: 'input_text', text: 'in parts' }] },
  { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'because' }], our_own: { deep: [1, null] } },
  {
    type: 'mcp_list_tools',
    id: 'mcpl_1',
    server_label: 'jan',
    tools: [{ name: 'search', input_schema: { type: 'object' }, annotations: {} }],
  },
  { type: 'mcp_call', id: 'mcp_1', server_label: 'jan', name: 'search', arguments: '{}', output: 'found', error: null },
  { type: 'image_generation_call', id: 'ig_1', result: 'aGk=', status: 'completed' },
  {
    type: 'code_interpreter_call',
    id: 'ci_1',
    code: 'print(1)',
    container_id: 'c',
    outputs: null,
    status: 'completed',
  },
  {
    type: 'web_search_call',
    id: 'ws_1',
    status: 'completed',
    action: { type: 'search', query: 'jan', queries: ['jan'] },
  },
  { type: 'file_search_call', id: 'fs_1', queries: ['q'], status: 'completed', results: null },
  { type: 'custom_tool_call', call_id: 'call_2', name: 'shell', input: 'ls' },
  { type: 'custom_tool_call_output', call_id: 'call_2', output: 'a b' },
  { type: 'computer_call', id: 'cu_1', call_id: 'call_3', action: { type: 'wait' }, status: 'completed' },
  {
    type: 'computer_call_output',
    call_id: 'call_3',
    output: { type: 'computer_screenshot', file_id: 'file_1' },
    status: 'completed',
  },
  { type: 'local_shell_call_output', id: 'x', output: '{}' },
] as unknown as Input[]

test('every type of item is kept whole, also what nobody knows of it [L-050 W-036]', async () => {
  const { id } = await client.conversations.create({ items: ITEMS })
  const { data } = await client.conversations.items.list(id, { order: 'asc', limit: 100 })
  const bare = ITEMS.map((item) => Object.fromEntries(Object.entries(item).filter(([name]) => name !== 'id')))
  expect(data).toMatchObject(bare)
  expect(data.map((item) => item.id)).toEqual(ITEMS.map(() => expect.stringMatching(/^msg_[0-9a-z]{16}$/)))
  // What was told can be sent back.
  const again = await client.conversations.items.create(id, { items: data as unknown as Input[] })
  expect(again.data).toMatchObject(bare)
})

test('an approval still names its request, whose id is a new one [L-050]', async () => {
  const { id } = await client.conversations.create({
    items: [
      { type: 'mcp_approval_request', id: 'mcpr_1', server_label: 'jan', name: 'run', arguments: '{}' },
      { type: 'mcp_approval_response', approval_request_id: 'mcpr_1', approve: true },
      { type: 'mcp_approval_response', approval_request_id: 'mcpr_elsewhere', approve: false, reason: 'no' },
    ],
  })
  const [request, answer, other] = (await client.conversations.items.list(id, { order: 'asc' })).data
  expect(request!.id).not.toBe('mcpr_1')
  expect(answer).toMatchObject({ approval_request_id: request!.id, approve: true })
  expect(other).toMatchObject({ approval_request_id: 'mcpr_elsewhere', reason: 'no' })
})

test('what is large or sealed is told to those who include it [L-050 W-050]', async () => {
  const logprobs = [{ token: 'a', logprob: -1, bytes: [97], top_logprobs: [] }]
  const items = [
    { type: 'reasoning', summary: [], encrypted_content: 'sealed' },
    { type: 'file_search_call', queries: [], status: 'completed', results: [{ file_id: 'f' }] },
    { type: 'code_interpreter_call', code: '1', outputs: [{ type: 'logs', logs: '1' }], status: 'completed' },
    {
      type: 'web_search_call',
      status: 'completed',
      action: { type: 'search', sources: [{ type: 'url', url: 'https://a' }] },
    },
    { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'a', annotations: [], logprobs }] },
    { type: 'message', role: 'user', content: [{ type: 'input_image', image_url: 'https://a/b.png', detail: 'low' }] },
  ] as unknown as Input[]
  const { id } = await client.conversations.create({ items })
  const asked = { order: 'asc' as const }
  const plain = (await client.conversations.items.list(id, asked)).data as unknown as Record<string, unknown>[]
  expect(plain[0]).not.toHaveProperty('encrypted_content')
  expect(plain[1]).toHaveProperty('results', null)
  expect(plain[2]).toHaveProperty('outputs', null)
  expect(plain[3]!.action).toEqual({ type: 'search' })
  expect(plain[4]!.content).toEqual([{ type: 'output_text', text: 'a', annotations: [] }])
  expect(plain[5]!.content).toEqual([{ type: 'input_image', image_url: 'https://a/b.png', detail: 'low' }])
  const include = [
    'reasoning.encrypted_content',
    'file_search_call.results',
    'code_interpreter_call.outputs',
    'web_search_call.action.sources',
    'message.output_text.logprobs',
  ] as OpenAI.Responses.ResponseIncludable[]
  const full = await client.conversations.items.list(id, { ...asked, include })
  expect(full.data).toMatchObject(items)
  const one = await client.conversations.items.retrieve(full.data[0]!.id!, {
    conversation_id: id,
    include: include.slice(0, 1),
  })
  expect(one).toHaveProperty('encrypted_content', 'sealed')
  await expect(client.conversations.items.list(id, { include: ['all'] as never })).rejects.toMatchObject({
    status: 400,
  })
})

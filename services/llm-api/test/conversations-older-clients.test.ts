import { afterAll, beforeAll, expect, test } from '@jest/globals'
import {
  type Asking,
  bootConversations,
  type ConversationService,
  idOf,
  messageOf,
  rowsOf,
  says,
} from './conversation-service.ts'

let service: ConversationService
let ask: Asking

beforeAll(async () => {
  service = await bootConversations()
  ask = service.asking('ann')
})
afterAll(() => service.close())

const contentOf = async (blocks: unknown[], role = 'user') => {
  const id = idOf(await ask('POST', ''))
  const added = await ask('POST', `/${id}/items`, { items: [says(blocks, role)] })
  expect([added.status, added.json.message]).toEqual([200, undefined])
  return rowsOf(added)[0]!.content
}

test('a block that holds its content under its type’s name is told in OpenAI’s form [L-050 W-036]', async () => {
  const text = 'Grüße'
  const annotations = [{ type: 'url_citation', url: 'https://a', start_index: 0, end_index: 1 }]
  expect(
    await contentOf([
      { type: 'input_text', input_text: text },
      { type: 'input_text', text },
      { type: 'input_text', text: { text } },
      { type: 'text', text: { text, annotations } },
      { type: 'text', text },
      { type: 'output_text', output_text: { text, annotations }, finish_reason: 'stop' },
      { type: 'output_text', text },
      { type: 'thinking', thinking: text },
      { type: 'reasoning_content', reasoning_content: text },
      { type: 'summary_text', summary_text: text },
      { type: 'refusal', refusal: text },
      { type: 'tool_result', text: { text } },
    ]),
  ).toEqual([
    { type: 'input_text', text },
    { type: 'input_text', text },
    { type: 'input_text', text },
    { type: 'text', text, annotations },
    { type: 'text', text },
    { type: 'output_text', text, annotations, finish_reason: 'stop' },
    { type: 'output_text', text, annotations: [] },
    { type: 'reasoning_text', text },
    { type: 'reasoning_text', text },
    { type: 'summary_text', text },
    { type: 'refusal', refusal: text },
    { type: 'text', text },
  ])
})

test('images and files come in every form that clients have, and leave in OpenAI’s [L-050 W-036 W-054]', async () => {
  const url = 'https://a.example/b.png'
  expect(
    await contentOf([
      { type: 'image', image: { url, detail: 'low' } },
      { type: 'image', image: { file_id: 'jan_1' } },
      { type: 'image_url', image_url: { url } },
      { type: 'input_image', image_url: 'data:image/png;jan_01hqr8v9k2x3f4g5h6j7k8m9n0' },
      { type: 'file', file: { file_id: 'jan_1', name: 'a.pdf', mime_type: 'application/pdf', size: 3 } },
      { type: 'input_file', file_id: 'jan_1' },
      { type: 'computer_screenshot', computer_screenshot: { image_url: url, width: 1, height: 1 } },
    ]),
  ).toEqual([
    { type: 'input_image', image_url: url, detail: 'low' },
    { type: 'input_image', file_id: 'jan_1', detail: 'auto' },
    { type: 'input_image', image_url: url, detail: 'auto' },
    { type: 'input_image', image_url: 'data:image/png;jan_01hqr8v9k2x3f4g5h6j7k8m9n0', detail: 'auto' },
    { type: 'input_file', file_id: 'jan_1', filename: 'a.pdf', mime_type: 'application/pdf', size: 3 },
    { type: 'input_file', file_id: 'jan_1' },
    { type: 'computer_screenshot', image_url: url, width: 1, height: 1 },
  ])
})

test('blocks that nothing is done with are kept as they are [L-050 W-036]', async () => {
  const blocks = [
    { type: 'code', code: { language: 'js', code: '1' } },
    { type: 'audio', audio: { id: 'a', format: 'mp3' } },
    { type: 'input_audio', input_audio: { data: 'aGk=', format: 'wav' } },
    { type: 'computer_action', computer_action: { action: 'click', coordinates: { x: 1, y: 2 } } },
    { type: 'tool_calls', tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] },
    { type: 'tool_reference', tool_call_id: 'c' },
  ]
  expect(await contentOf(blocks, 'tool')).toEqual(blocks)
})

test('making and changing answer 200, and POST and PATCH are the same [L-050]', async () => {
  const made = await ask('POST', '', { title: 'One', referrer: 'jan-web', metadata: { a: 'b' }, project_id: '' })
  expect(made).toMatchObject({ status: 200, json: { title: 'One', referrer: 'jan-web', metadata: { a: 'b' } } })
  const path = `/${idOf(made)}`
  expect((await ask('POST', path, { title: 'Two' })).json).toEqual({ ...made.json, title: 'Two' })
  expect((await ask('PATCH', path, { metadata: { c: 'd' } })).json).toEqual({
    ...made.json,
    title: 'Two',
    metadata: { c: 'd' },
  })
  const cleared = await ask('PATCH', path, { title: '', referrer: null })
  expect(cleared.status).toBe(200)
  expect(cleared.json).not.toHaveProperty('title')
  expect(cleared.json).not.toHaveProperty('referrer')
})

test('a conversation may be sent back as it was told [L-050 W-057]', async () => {
  const made = await ask('POST', '', { title: 'Echo', metadata: { a: 'b' } })
  expect((await ask('POST', `/${idOf(made)}`, made.json)).json).toEqual(made.json)
  const copy = await ask('POST', '', made.json)
  expect(copy.status).toBe(200)
  expect(idOf(copy)).not.toBe(idOf(made))
})

test('ids, times and ratings are this server’s to give [L-050 W-036]', async () => {
  const theirs = { id: 'conv_mine', created_at: 1, status: 'archived' }
  const made = await ask('POST', '', { ...theirs, title: 'x' })
  expect(made.json.id).not.toBe('conv_mine')
  expect(made.json).toMatchObject({ status: 'active' })
  expect(made.json.created_at).toBeGreaterThan(1_700_000_000)
  const sent = { ...says('a'), id: 'msg_mine', created_at: '2001-01-01T00:00:00Z', rating: 'like', sequence_number: 77 }
  const [item] = rowsOf(await ask('POST', `/${idOf(made)}/items`, { items: [sent] }))
  expect(item).not.toHaveProperty('rating')
  expect(item).toMatchObject({ object: 'conversation.item', branch: 'MAIN', sequence_number: 1 })
  expect(item!.id).not.toBe('msg_mine')
  expect(item!.created_at).toBeGreaterThan(1_700_000_000)
})

test('what is wrong is told with its place [L-052 W-036 W-054]', async () => {
  const id = idOf(await ask('POST', ''))
  const image = (url: unknown) => says([{ type: 'input_image', image_url: url }])
  const wrong: [unknown, string][] = [
    [says([{ type: 'input_text', text: 7 }]), 'items[1].content[0].text'],
    [says([{ type: 'input_text', text: 'a\0b' }]), 'items[1].content[0].text'],
    [says([{ type: 'input_text' }]), 'items[1].content[0].text'],
    [says([{ type: 'input_text', text: 'ok' }, { type: 'nonsense' }]), 'items[1].content[1].type'],
    [says([{ text: 'x' }]), 'items[1].content[0].type'],
    [says('x', 'boss'), 'items[1].role'],
    [says(5), 'items[1].content'],
    [says(Array(101).fill({ type: 'input_text', text: 'x' })), 'items[1].content'],
    [image('file:///etc/passwd'), 'items[1].content[0].image_url'],
    [image('javascript:alert(1)'), 'items[1].content[0].image_url'],
    [image({ url: 'ftp://a/b' }), 'items[1].content[0].image_url'],
    [says([{ type: 'input_image' }]), 'items[1].content[0]'],
    [says([{ type: 'input_file' }]), 'items[1].content[0]'],
    [{ type: 'mesage', role: 'user', content: 'x' }, 'items[1].type'],
    [{ type: 'item_reference', id: 'msg_1' }, 'items[1].type'],
    [{ type: 'function_call', name: 'f', arguments: '{}' }, 'items[1].call_id'],
    [{ type: 'function_call', call_id: 'c', name: 'f', arguments: {} }, 'items[1].arguments'],
    [{ type: 'function_call_output', call_id: 'c', output: 5 }, 'items[1].output'],
    [{ type: 'mcp_approval_response', approval_request_id: 'a', approve: 'yes' }, 'items[1].approve'],
    [{ ...says('x'), status: 'great' }, 'items[1].status'],
    ['text', 'items[1]'],
    [null, 'items[1]'],
    [[], 'items[1]'],
  ]
  for (const [item, place] of wrong) {
    const { status, json } = await ask('POST', `/${id}/items`, { items: [says('fine'), item] })
    expect([status, (json.error as { param: string }).param]).toEqual([400, place])
    expect(json.message).toEqual(expect.stringContaining(place))
    const begun = await ask('POST', '', { items: [says('fine'), item] })
    expect([begun.status, (begun.json.error as { param: string }).param]).toEqual([400, place])
  }
  expect(rowsOf(await ask('GET', `/${id}/items`))).toEqual([])
  expect((await ask('GET', '')).json.total).not.toBe(0)
})

test('what is nested too deeply is refused, or kept, and never a failure of ours [L-052]', async () => {
  const id = idOf(await ask('POST', ''))
  const nested = (depth: number) => {
    const deep = `${'['.repeat(depth)}${']'.repeat(depth)}`
    return JSON.parse(`{"type":"reasoning","summary":[],"x":${deep}}`) as unknown
  }
  expect((await ask('POST', `/${id}/items`, { items: [nested(400)] })).status).toBe(200)
  for (const depth of [501, 1000]) {
    const { status, json } = await ask('POST', `/${id}/items`, { items: [nested(depth)] })
    expect([status, json.message]).toEqual([400, 'items[0]: nested deeper than 500 levels'])
  }
})

test('bodies and queries that are none are told as such [L-052]', async () => {
  const id = idOf(await ask('POST', ''))
  const wrong: [string, string, unknown?][] = [
    ['POST', `/${id}/items`, {}],
    ['POST', `/${id}/items`, { items: 'x' }],
    ['POST', `/${id}/items`, []],
    ['POST', '', []],
    ['POST', '', { items: {} }],
    ['POST', `/${id}`, { title: 5 }],
    ['POST', `/${id}/fork`, { item_id: 5 }],
    ['GET', '?limit=0'],
    ['GET', '?limit=many'],
    ['GET', '?order=up'],
    ['GET', '?status=deleted'],
    ['GET', '?offset=20'],
    ['GET', '?after=conv_none'],
    ['GET', '?cursor=%00'],
    ['GET', `?project_id=%00`],
    ['GET', `/${id}/items?limit=0`],
    ['GET', `/${id}/items?after=msg_none`],
    ['GET', `/${id}/items?order=ASC`],
    ['GET', '/search'],
    ['GET', '/search?query='],
    ['GET', `/${id}/export?format=pdf`],
  ]
  for (const [method, path, json] of wrong) {
    const answer = await ask(method, path, json)
    expect([method, path, answer.status]).toEqual([method, path, 400])
    expect(messageOf(answer)).not.toBe('')
  }
  for (const odd of ['conv_UPPER', 'x', '%00', "conv_'--", `conv_${'a'.repeat(300)}`, '..%2F..%2Fetc'])
    expect([odd, (await ask('GET', `/${odd}`)).status]).toEqual([odd, 404])
})

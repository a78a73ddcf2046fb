import { createLogger } from '@jan/service-kit/logger'
import { serve } from '@jan/testkit/serve'
import { expect, test } from '@jest/globals'
import { createApp } from '../src/app.ts'
import { fakeModel, type Script } from './fake-model.ts'

const log = createLogger('local-model', { level: 'silent', format: 'json' })
const serveModel = (script: Script) => serve(createApp(fakeModel(script), log).handler)
const ask = { model: 'fake', messages: [{ role: 'user', content: 'Hello' }] }

async function post(script: Script, body: unknown) {
  await using server = await serveModel(script)
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, text: await response.text() }
}
const errorOf = async (body: unknown) => {
  const { status, text } = await post({ pieces: ['Hi'] }, body)
  return { status, ...(JSON.parse(text) as { error: object }) }
}
const user = (content: unknown) => ({ ...ask, messages: [{ role: 'user', content }] })
const tool = (parameters: unknown) => ({
  ...ask,
  tools: [{ type: 'function', function: { name: 'look', parameters } }],
})
const call = { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } }

test.each<[string, unknown, string | null]>([
  ['no JSON', '{"model":', null],
  ['no body', '', null],
  ['no messages', { ...ask, messages: [] }, 'messages'],
  ['messages of another type', { ...ask, messages: 'Hello' }, 'messages'],
  ['an unknown role', { ...ask, messages: [{ role: 'king', content: 'x' }] }, 'messages.0.role'],
  ['a user who says nothing', user(null), 'messages.0.content'],
  ['an image', user([{ type: 'image_url', image_url: { url: 'data:' } }]), 'messages.0.content'],
  ['an odd stream', { ...ask, stream: 'yes' }, 'stream'],
  ['an odd limit', { ...ask, max_tokens: 0 }, 'max_tokens'],
  ['too hot', { ...ask, temperature: 3 }, 'temperature'],
  ['two choices', { ...ask, n: 2 }, 'n'],
  ['logprobs', { ...ask, logprobs: true }, 'logprobs'],
  ['a bias', { ...ask, logit_bias: { 5: 1 } }, 'logit_bias'],
  ['five stops', { ...ask, stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop'],
  ['a tool that must be called', { ...tool(null), tool_choice: 'required' }, 'tool_choice'],
  ['odd parameters', tool({ type: 'object', properties: { x: { type: 'odd' } } }), 'tools.0.function.parameters'],
  [
    'a schema that is none',
    { ...ask, response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'odd' } } } },
    'response_format.json_schema.schema',
  ],
  [
    'an answer to no call',
    { ...ask, messages: [{ role: 'tool', tool_call_id: 'x', content: '' }] },
    'messages.0.tool_call_id',
  ],
  ['a call without an answer', { ...ask, messages: [{ role: 'assistant', tool_calls: [call] }] }, 'messages'],
  ['more than fits', { ...ask, messages: Array.from({ length: 10 }, () => ask.messages[0]) }, 'messages'],
])('%s is 400 in OpenAI’s envelope [L-014]', async (_name, body, param) => {
  expect(await errorOf(body)).toMatchObject({
    status: 400,
    error: { type: 'invalid_request_error', message: expect.stringMatching(/./), code: expect.any(String), param },
  })
})

test('an unknown model is 404, and what nobody knows is ignored [L-014]', async () => {
  expect(await errorOf({ ...ask, model: 'gpt' })).toMatchObject({ status: 404, error: { code: 'model_not_found' } })
  expect((await post({ pieces: ['Hi'] }, { ...ask, user: 'me', n: 1, chat_template_kwargs: {} })).status).toBe(200)
})

test('what was thought stands beside what was said, and is counted [L-014]', async () => {
  const { text } = await post({ pieces: ['hm ', 'Yes'] }, ask)
  expect(JSON.parse(text)).toMatchObject({
    choices: [{ finish_reason: 'stop', message: { content: 'Yes', reasoning_content: 'hm ' } }],
    usage: {
      prompt_tokens: 10,
      completion_tokens: 2,
      total_tokens: 12,
      completion_tokens_details: { reasoning_tokens: 1 },
    },
  })
})

const asObject = { ...ask, response_format: { type: 'json_object' } }

test('an answer that is not what was asked for is an error, not an answer [L-014]', async () => {
  for (const piece of ['{"a":', '{"a":1e999}']) {
    const whole = await post({ pieces: [piece] }, asObject)
    expect([whole.status, JSON.parse(whole.text).error.code]).toEqual([502, 'answer_does_not_fit'])
  }
  expect((await post({ pieces: ['{"a":'], stopReason: 'maxTokens' }, asObject)).status).toBe(200)
})

test('a stream that breaks ends in an error, and not in [DONE] [L-014]', async () => {
  const { status, text } = await post(
    { pieces: ['Hel'], failure: new Error('Out of memory') },
    { ...ask, stream: true },
  )
  expect(status).toBe(200)
  expect(text).toContain('"content":"Hel"')
  expect(text).toMatch(
    /event: error\ndata: \{"error":\{"message":"Internal server error","type":"server_error"[^\n]*\n\n$/,
  )
  expect(text).not.toContain('[DONE]')
  expect((await post({ pieces: [], failure: new Error('Out of memory') }, { ...ask, stream: true })).status).toBe(500)
})

test('it is well when it listens, and lists its one model [L-014]', async () => {
  await using server = await serveModel({ pieces: [] })
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
  const listed = await (await fetch(`${server.url}/v1/models`)).json()
  expect(listed).toMatchObject({ object: 'list', data: [{ id: 'fake', context_length: 100 }] })
})

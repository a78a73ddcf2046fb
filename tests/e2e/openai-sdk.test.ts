import { beforeAll, expect, test } from '@jest/globals'
import OpenAI from 'openai'
import { at, guestToken } from '../platform.ts'

let openai: OpenAI
beforeAll(async () => {
  openai = new OpenAI({ baseURL: at('gateway', '/v1'), apiKey: await guestToken(), maxRetries: 0 })
})

test('chat, whole and streamed [H-23]', async () => {
  const chat = await openai.chat.completions.create({
    model: 'jan-v1-4b',
    messages: [{ role: 'user', content: 'Hello!' }],
  })
  expect(chat.choices[0]?.message.content).toMatch(/simulator/)
  const stream = await openai.chat.completions.create({
    model: 'jan-v1-4b',
    messages: [{ role: 'user', content: 'Hello!' }],
    stream: true,
    stream_options: { include_usage: true },
  })
  let text = ''
  let usage: unknown
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? ''
    usage = chunk.usage ?? usage
  }
  expect([text, usage]).toEqual([chat.choices[0]?.message.content, chat.usage])
})

test('chat with the client’s own tools, streamed in fragments', async () => {
  const runner = openai.chat.completions.stream({
    model: 'jan-v1-4b',
    messages: [{ role: 'user', content: 'Use get_weather for Lisbon' }],
    tools: [
      {
        type: 'function',
        function: {
          name: 'get_weather',
          parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
        },
      },
    ],
  })
  const { choices } = await runner.finalChatCompletion()
  expect(choices[0]).toMatchObject({
    finish_reason: 'tool_calls',
    message: { tool_calls: [{ type: 'function', function: { name: 'get_weather' } }] },
  })
})

test('responses, whole and streamed, read again and listed [H-23]', async () => {
  const answer = await openai.responses.create({ model: 'jan-v1-4b', input: 'Hello!', tools: [] })
  expect([answer.status, answer.output_text.length > 0]).toEqual(['completed', true])
  const names: string[] = []
  const stream = await openai.responses.create({ model: 'jan-v1-4b', input: 'Run python: 6*7', stream: true })
  for await (const event of stream) names.push(event.type)
  expect(names).toEqual(
    expect.arrayContaining([
      'response.created',
      'response.mcp_call.in_progress',
      'response.mcp_call.completed',
      'response.output_text.delta',
      'response.completed',
    ]),
  )
  expect((await openai.responses.retrieve(answer.id)).output).toEqual(answer.output)
  expect((await openai.responses.inputItems.list(answer.id)).data).toMatchObject([{ type: 'message', role: 'user' }])
}, 60_000)

test('a function of the client comes back to it, and the run continues with its result', async () => {
  const tools = [
    {
      type: 'function' as const,
      name: 'get_weather',
      strict: false,
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  ]
  const asked = await openai.responses.create({ model: 'jan-v1-4b', input: 'Use get_weather for Lisbon', tools })
  const call = asked.output.find((item) => item.type === 'function_call')!
  expect(call).toMatchObject({ name: 'get_weather', status: 'completed' })
  const told = await openai.responses.create({
    model: 'jan-v1-4b',
    tools,
    previous_response_id: asked.id,
    input: [{ type: 'function_call_output', call_id: call.call_id, output: 'Sunny, 24 degrees' }],
  })
  expect(told.output_text).toContain('Sunny')
})

test('errors are the SDK’s own [H-102]', async () => {
  await expect(
    openai.chat.completions.create({ model: 'no-such-model', messages: [{ role: 'user', content: 'x' }] }),
  ).rejects.toMatchObject({ status: 404, code: 'model_not_found', message: expect.stringContaining('no-such-model') })
  await expect(openai.responses.create({ model: 'no-such-model', input: 'x' })).rejects.toMatchObject({
    status: 404,
    message: expect.stringContaining('no-such-model'),
  })
  await expect(openai.responses.retrieve('resp_000000000000000000000000')).rejects.toBeInstanceOf(OpenAI.NotFoundError)
  await expect(
    new OpenAI({ baseURL: at('gateway', '/v1'), apiKey: 'nope', maxRetries: 0 }).models.list(),
  ).rejects.toBeInstanceOf(OpenAI.AuthenticationError)
})

test('models can be listed and read', async () => {
  const ids = (await openai.models.list()).data.map((model) => model.id)
  expect(ids).toContain('jan-simulator')
  expect(await openai.models.retrieve('jan-v1-4b')).toMatchObject({ object: 'model', id: 'jan-v1-4b' })
})

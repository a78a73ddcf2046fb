import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { zodResponseFormat } from 'openai/helpers/zod'
import { z } from 'zod'
import { type Judged, startJudged } from './judged.ts'

/** The official OpenAI client against this service and the simulator: https://github.com/openai/openai-node. */
let judged: Judged
beforeAll(async () => {
  judged = await startJudged()
})
afterAll(() => judged.close())

const says = (content: string) => [{ role: 'user' as const, content }]
const chat = () => judged.client.chat.completions

const weather = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const tool = (name: string) => ({ type: 'function' as const, function: { name, parameters: weather } })
const tools = [tool('get_weather'), tool('get_tides')]
const ASKS_BOTH = says('Call get_weather and get_tides for Lisbon')

test('models are listed and retrieved [L-080]', async () => {
  const ids: string[] = []
  for await (const { id, object } of judged.client.models.list()) {
    expect(object).toBe('model')
    ids.push(id)
  }
  expect(ids).toContain(judged.model)
  expect(await judged.client.models.retrieve(judged.model)).toMatchObject({
    id: judged.model,
    object: 'model',
    created: expect.any(Number),
    owned_by: expect.any(String),
  })
})

test('a plain answer comes whole, with its usage [L-080]', async () => {
  const { data: answer, response } = await chat()
    .create({ model: judged.model, messages: says('Hello ✓ 👩‍🚀'), temperature: 0, seed: 7, user: 'u-1' })
    .withResponse()
  expect(answer).toMatchObject({ object: 'chat.completion', id: expect.stringMatching(/^chatcmpl-/) })
  expect(answer.choices).toEqual([
    {
      index: 0,
      message: { role: 'assistant', content: expect.stringContaining('Hello ✓ 👩‍🚀'), refusal: null },
      logprobs: null,
      finish_reason: 'stop',
    },
  ])
  const { prompt_tokens: prompt, completion_tokens: completed, total_tokens: total } = answer.usage!
  expect([prompt > 0, completed > 0, total]).toEqual([true, true, prompt + completed])
  expect(response.headers.get('x-request-id')).toMatch(/./)
  const [request] = (await judged.seen()).requests.slice(-1)
  expect(request!.body).toMatchObject({ temperature: 0, seed: 7, user: 'u-1', messages: says('Hello ✓ 👩‍🚀') })
})

test('a stream gives the same text piece by piece; usage comes only when asked for [L-080]', async () => {
  const ask = { model: judged.model, messages: says('Grüße 👩‍🚀 aus Zürich') }
  const whole = (await chat().create(ask)).choices[0]!.message.content
  for (const isCounted of [false, true]) {
    const stream = await chat().create({
      ...ask,
      stream: true,
      ...(isCounted ? { stream_options: { include_usage: true } } : {}),
    })
    const chunks = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(chunks.length).toBeGreaterThan(3)
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe(whole)
    const finishes = chunks.flatMap(({ choices }) => choices[0]?.finish_reason ?? [])
    expect(finishes).toEqual(['stop'])
    const counted = chunks.filter(({ usage }) => usage)
    expect(counted.map(({ choices }) => choices)).toEqual(isCounted ? [[]] : [])
    expect(chunks.some(({ choices }) => choices.length === 0)).toBe(isCounted)
  }
})

test('two tools are called at once, and their results are answered [L-080]', async () => {
  const ask = { model: judged.model, messages: ASKS_BOTH, tools, parallel_tool_calls: true }
  const { message, finish_reason } = (await chat().create(ask)).choices[0]!
  expect([finish_reason, message.content]).toEqual(['tool_calls', null])
  const calls = message.tool_calls!.map((call) => (call.type === 'function' ? call.function : undefined)!)
  expect(calls.map(({ name }) => name).toSorted()).toEqual(['get_tides', 'get_weather'])
  for (const { arguments: text } of calls) expect(JSON.parse(text)).toEqual({ city: expect.any(String) })

  const results = message.tool_calls!.map(({ id }, index) => ({
    role: 'tool' as const,
    tool_call_id: id,
    content: `result ${index}`,
  }))
  const answer = await chat().create({ ...ask, messages: [...ASKS_BOTH, message, ...results] })
  expect(answer.choices[0]).toMatchObject({ finish_reason: 'stop' })
  for (const text of ['result 0', 'result 1']) expect(answer.choices[0]!.message.content).toContain(text)
})

test('interleaved pieces of two calls in a stream are put together by the client [L-080]', async () => {
  const stream = chat().stream({ model: judged.model, messages: ASKS_BOTH, tools })
  const { message, finish_reason } = (await stream.finalChatCompletion()).choices[0]!
  expect(finish_reason).toBe('tool_calls')
  expect(message.tool_calls).toHaveLength(2)
  expect(new Set(message.tool_calls!.map(({ id }) => id)).size).toBe(2)
  for (const call of message.tool_calls!)
    expect(JSON.parse(call.type === 'function' ? call.function.arguments : '')).toHaveProperty('city')
})

test('the client runs the tools itself, to the end [L-080]', async () => {
  const asked: string[] = []
  const runnable = (name: string) => ({
    type: 'function' as const,
    function: {
      name,
      description: name,
      parameters: weather,
      parse: JSON.parse as (text: string) => { city: string },
      function: ({ city }: { city: string }) => {
        asked.push(name)
        return `fine in ${city}`
      },
    },
  })
  const runner = chat().runTools({
    model: judged.model,
    messages: ASKS_BOTH,
    tools: [runnable('get_weather'), runnable('get_tides')],
  })
  expect(await runner.finalContent()).toContain('fine in')
  expect(asked.toSorted()).toEqual(['get_tides', 'get_weather'])
})

test('an answer fits the JSON schema, and is parsed [L-080]', async () => {
  const Capital = z.object({ city: z.string(), people: z.number(), rivers: z.array(z.string()) })
  const response_format = zodResponseFormat(Capital, 'capital')
  const ask = { model: judged.model, messages: says('Which is the capital?'), response_format }
  const answer = await chat().parse(ask)
  expect(Capital.parse(answer.choices[0]!.message.parsed)).toBeTruthy()
  const streamed = await chat().stream(ask).finalChatCompletion()
  expect(streamed.choices[0]!.message.parsed).toEqual(answer.choices[0]!.message.parsed)
  const [request] = (await judged.seen()).requests.slice(-1)
  expect(request!.body.response_format).toEqual(response_format)
})

test('an answer that is too long for its limit says so [L-080]', async () => {
  const answer = await chat().create({ model: judged.model, messages: says('Hello'), max_completion_tokens: 1 })
  expect([answer.choices[0]!.finish_reason, answer.usage!.completion_tokens]).toEqual(['length', 1])
})

test('neither the client’s key nor its address reaches the model’s provider [L-080]', async () => {
  await chat().create({ model: judged.model, messages: says('Hello') })
  const { headers } = (await judged.seen()).requests.at(-1)!
  expect(Object.keys(headers)).not.toContain('authorization')
  expect(JSON.stringify(headers)).not.toMatch(/x-stainless|x-forwarded|cookie/)
})

import { describe, expect, test } from '@jest/globals'
import OpenAI from 'openai'
import { type ErrorBody, parseChunk, readEvents, startSimulator, user } from '../test/simulator-client.ts'

const errorOf = async (response: Response) => ((await response.json()) as ErrorBody).error
const tool = (name: string, parameters: object = { type: 'object', properties: {} }) => ({
  type: 'function' as const,
  function: { name, parameters: { ...parameters } },
})

describe('an answer in one piece [H-61]', () => {
  test('has the shape of a chat completion and always its usage', async () => {
    await using simulator = await startSimulator({ now: () => 1_700_000_000_999 })
    const completion = await simulator.complete({}, [{ text: 'Good day' }])
    expect(completion).toEqual({
      id: expect.stringMatching(/^chatcmpl-[0-9a-f]{24}$/),
      object: 'chat.completion',
      created: 1_700_000_000,
      model: 'jan-simulator',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Good day', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: expect.objectContaining({ completion_tokens: 2 }),
    })
    expect(completion.usage.total_tokens).toBe(completion.usage.prompt_tokens + 2)
  })

  test('is cut at the token limit, and says so', async () => {
    await using simulator = await startSimulator()
    const { choices, usage } = await simulator.complete({ max_completion_tokens: 2 }, [{ text: 'Good day to you' }])
    expect(choices[0]).toMatchObject({ message: { content: 'Good day' }, finish_reason: 'length' })
    expect(usage.completion_tokens).toBe(2)
  })

  test('has the same ids for the same request and other ids for another', async () => {
    await using simulator = await startSimulator()
    const script = [{ tool_calls: [{ name: 'a', arguments: {} }] }]
    const [first, again, other] = [
      await simulator.complete({}, script),
      await simulator.complete({}, script),
      await simulator.complete({ messages: [user('Bye')] }, script),
    ]
    expect(again.id).toBe(first.id)
    expect(again.choices[0]?.message.tool_calls).toEqual(first.choices[0]?.message.tool_calls)
    expect(other.id).not.toBe(first.id)
    expect(other.choices[0]?.message.tool_calls?.[0]?.id).not.toBe(first.choices[0]?.message.tool_calls?.[0]?.id)
  })

  test('is JSON that fits the response format', async () => {
    await using simulator = await startSimulator()
    const object = await simulator.complete({ response_format: { type: 'json_object' } })
    expect(JSON.parse(object.choices[0]?.message.content ?? '')).toEqual({ answer: expect.any(String) })
    const schema = {
      type: 'object',
      properties: {
        title: { type: ['string', 'null'] },
        size: { type: 'integer' },
        share: { type: 'number' },
        open: { type: 'boolean' },
        kind: { enum: ['good', 'bad'] },
        tags: { type: 'array', items: { type: 'string' } },
      },
      required: ['title', 'size', 'share', 'open', 'kind', 'tags'],
    }
    const format = { type: 'json_schema', json_schema: { name: 'x', strict: true, schema } }
    const fitted = await simulator.complete({ response_format: format })
    expect(JSON.parse(fitted.choices[0]?.message.content ?? '')).toEqual({
      title: expect.any(String),
      size: 1,
      share: 1,
      open: true,
      kind: 'good',
      tags: [expect.any(String)],
    })
    const either = {
      type: 'json_schema',
      json_schema: { name: 'x', schema: { anyOf: [{ const: 4 }, { type: 'null' }] } },
    }
    expect((await simulator.complete({ response_format: either })).choices[0]?.message.content).toBe('4')
    const strange = { type: 'json_schema', json_schema: { name: 'x', schema: { $ref: '#/$defs/x' } } }
    expect((await simulator.chat({ response_format: strange })).status).toBe(400)
  })
})

describe('a stream [H-61]', () => {
  test('has the role first, text in several chunks, the finish reason and [DONE]', async () => {
    await using simulator = await startSimulator()
    const response = await simulator.chat({ stream: true }, [{ text: 'One two three' }])
    expect(response.headers.get('content-type')).toMatch('text/event-stream')
    const events = await readEvents(response)
    expect(events.pop()).toBe('[DONE]')
    const chunks = events.map(parseChunk)
    expect(chunks.map((chunk) => chunk.choices[0]?.delta)).toEqual([
      { role: 'assistant', content: '' },
      { content: 'One' },
      { content: ' two' },
      { content: ' three' },
      {},
    ])
    expect(chunks.map((chunk) => chunk.choices[0]?.finish_reason)).toEqual([...Array(4).fill(null), 'stop'])
    expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1)
    expect(chunks.some((chunk) => 'usage' in chunk)).toBe(false)
  })

  test('ends with the usage and no choices when asked', async () => {
    await using simulator = await startSimulator()
    const body = { messages: [user('Hi')], stream: true, stream_options: { include_usage: true } }
    const chunks = (await readEvents(await simulator.chat(body, [{ text: 'One two' }]))).slice(0, -1).map(parseChunk)
    const last = chunks.pop()
    expect(last?.choices).toEqual([])
    expect(last?.usage?.completion_tokens).toBe(2)
    expect(chunks.every((chunk) => chunk.usage === null)).toBe(true)
  })

  test('has long words in pieces, without cutting a character', async () => {
    const text = 'naïve 🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂\n'
    await using simulator = await startSimulator({ script: [{ text }] })
    const events = await readEvents(await simulator.chat({ stream: true }))
    const pieces = events.slice(1, -2).map((event) => parseChunk(event).choices[0]?.delta.content)
    expect(pieces).toHaveLength(4)
    expect(pieces.join('')).toBe(text)
    expect(pieces.every((piece) => piece?.isWellFormed())).toBe(true)
  })

  test('gives tool calls in interleaved fragments, the first with id, type, name and no arguments', async () => {
    await using simulator = await startSimulator()
    const calls = [
      { name: 'google_search', arguments: { q: 'a long enough query' } },
      { name: 'scrape', arguments: { url: 'http://example.com/page' } },
    ]
    const events = await readEvents(await simulator.chat({ stream: true }, [{ tool_calls: calls }]))
    const chunks = events.slice(0, -1).map(parseChunk)
    expect(chunks[0]?.choices[0]?.delta).toEqual({ role: 'assistant', content: null })
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('tool_calls')
    const fragments = chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? [])
    expect(fragments.slice(0, 4).map((fragment) => fragment.index)).toEqual([0, 1, 0, 1])
    for (const [index, call] of calls.entries()) {
      const [first, ...rest] = fragments.filter((fragment) => fragment.index === index)
      const id = expect.stringMatching(/^call_/)
      expect(first).toEqual({ index, id, type: 'function', function: { name: call.name, arguments: '' } })
      expect(rest.length).toBeGreaterThan(1)
      expect(rest.every((fragment) => !('id' in fragment))).toBe(true)
      expect(JSON.parse(rest.map((fragment) => fragment.function.arguments).join(''))).toEqual(call.arguments)
    }
  })

  test('waits for a slow reader and loses nothing', async () => {
    await using simulator = await startSimulator({ script: [{ text: ' x'.repeat(100_000) }] })
    const response = await simulator.chat({ stream: true })
    // Far more than the buffers of a connection hold: unread, the answer cannot have been handed over.
    expect((await simulator.log()).in_flight).toBe(1)
    expect(await readEvents(response)).toHaveLength(100_003)
  })
})

describe('a refused request', () => {
  test.each<[string, object, RegExp]>([
    ['no messages', { messages: [] }, /messages/],
    ['an unknown role', { messages: [{ role: 'robot', content: 'x' }] }, /messages\.0\.role/],
    ['an unknown part', { messages: [user([{ type: 'video' }])] }, /messages\.0\.content/],
    ['an empty stop', { stop: '' }, /stop/],
    ['no choices', { n: 0 }, /^n:/],
    ['likeliest pieces without logprobs', { top_logprobs: 2 }, /top_logprobs: needs logprobs/],
    ['a choice of tools that is none', { tool_choice: 'any' }, /tool_choice/],
    ['a tool to be called without any', { tool_choice: 'required' }, /tool_choice/],
    [
      'a tool to be called that is not offered',
      { tools: [tool('a')], tool_choice: { type: 'function', function: { name: 'b' } } },
      /tool_choice/,
    ],
    ['a tool without a name', { tools: [{ type: 'function', function: {} }] }, /tools\.0\.function\.name/],
    ['an unresolved image id', { messages: [user([image('jan_01ABC')])] }, /Invalid image: jan_01ABC/],
    ['an unresolved placeholder', { messages: [user([image('data:image/png;jan_01ABC')])] }, /Invalid image/],
    ['a truncated image', { messages: [user([image('data:image/png;base64,iVBORw0KGgoAAAANSUhEUg==')])] }, /Invalid/],
    ['no image at all', { messages: [user([image('data:image/png;base64,AAAAAAAAAAAAAAAAAAAAAAAA')])] }, /Invalid/],
  ])('names the reason: %s', async (_name, fields, reason) => {
    await using simulator = await startSimulator()
    const response = await simulator.chat(fields)
    expect(response.status).toBe(400)
    expect(await errorOf(response)).toMatchObject({
      type: 'invalid_request_error',
      message: expect.stringMatching(reason),
    })
  })

  function image(url: string) {
    return { type: 'image_url', image_url: { url } }
  }

  test('is an OpenAI error for broken JSON, no object, another model and an unknown path', async () => {
    await using simulator = await startSimulator()
    const broken = await simulator.post('/v1/chat/completions', '{"model": x}')
    expect([broken.status, (await errorOf(broken)).message]).toEqual([
      400,
      expect.stringContaining("Unexpected token 'x'"),
    ])
    expect((await simulator.post('/v1/chat/completions', 'null')).status).toBe(400)
    const model = await simulator.chat({ model: 'gpt-4o' })
    expect([model.status, (await errorOf(model)).code]).toEqual([404, 'model_not_found'])
    const path = await simulator.post('/v1/audio/speech', {})
    expect([path.status, (await errorOf(path)).message]).toEqual([
      404,
      expect.stringContaining('POST /v1/audio/speech'),
    ])
  })
})

describe('the official client [H-61]', () => {
  test('reads a text stream and its usage', async () => {
    await using simulator = await startSimulator()
    const client = new OpenAI({ baseURL: `${simulator.url}/v1`, apiKey: 'none' })
    const stream = client.chat.completions.stream({
      model: 'jan-simulator',
      messages: [{ role: 'user', content: 'Good morning' }],
      stream_options: { include_usage: true },
    })
    const pieces: string[] = []
    stream.on('content', (piece) => pieces.push(piece))
    const completion = await stream.finalChatCompletion()
    expect(pieces.length).toBeGreaterThan(3)
    expect(completion.choices[0]?.message.content).toBe(pieces.join(''))
    expect(completion.choices[0]?.message.content).toContain('Good morning')
    expect(completion.usage?.total_tokens).toBeGreaterThan(0)
  })

  test('assembles a stream of parallel tool calls', async () => {
    await using simulator = await startSimulator()
    const client = new OpenAI({ baseURL: `${simulator.url}/v1`, apiKey: 'none' })
    const completion = await client.chat.completions
      .stream({
        model: 'jan-simulator',
        messages: [{ role: 'user', content: 'Search for tulips and read http://example.com/a.' }],
        tools: [tool('google_search'), tool('scrape')],
      })
      .finalChatCompletion()
    const calls = completion.choices[0]?.message.tool_calls?.flatMap((call) =>
      'function' in call ? [call.function] : [],
    )
    expect(calls?.map((call) => [call.name, JSON.parse(call.arguments)])).toEqual([
      ['google_search', { q: 'tulips' }],
      ['scrape', { url: 'http://example.com/a' }],
    ])
  })

  test('gets embeddings, which it asks for as base64', async () => {
    await using simulator = await startSimulator()
    const client = new OpenAI({ baseURL: `${simulator.url}/v1`, apiKey: 'none' })
    const { data } = await client.embeddings.create({ model: 'jan-simulator', input: ['one', 'two'], dimensions: 64 })
    expect(data.map((entry) => entry.embedding.length)).toEqual([64, 64])
    expect(Math.hypot(...(data[0]?.embedding ?? []))).toBeCloseTo(1)
  })
})

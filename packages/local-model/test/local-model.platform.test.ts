import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fromPart } from '@jan/testkit/real-part'
import { until } from '@jan/testkit/until'
import { expect, test } from '@jest/globals'
import OpenAI, { type APIError } from 'openai'
import { startServer } from './start-server.ts'
import { tinyGguf } from './tiny-gguf.ts'

/** The server over a real engine, judged by OpenAI's own client. */
const SERVER = fromPart('JAN_TEST_LOCAL_MODEL_URL')
const engines = fromPart('JAN_TEST_LOCAL_MODEL_ENGINES')
const clientOf = (url: string) => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 })
const openai = clientOf(SERVER)
const messages = [{ role: 'user' as const, content: 'Hello ë' }]
const ask = { model: 'tiny', messages, temperature: 0 }
const SPEECH = /^Hello! This is a tiny (local|small) model\.$/
const all = async <T>(stream: AsyncIterable<T>): Promise<T[]> => {
  const items: T[] = []
  for await (const item of stream) items.push(item)
  return items
}
const endless = tinyGguf({ words: ['on', ' and', ' '], loops: true })
const caller = tinyGguf({ words: ['||call: ', 'get_weather', '(', '{"', 'city', '": "', 'Rome', '"}', ')'] })

test('it says what it is, and how much fits [L-014]', async () => {
  const listed = await openai.models.list()
  const model = { id: 'tiny', object: 'model', owned_by: 'local', context_length: 2048, max_model_len: 2048 }
  expect(listed.data).toEqual([expect.objectContaining(model)])
  expect(await openai.models.retrieve('tiny')).toMatchObject(model)
  await expect(openai.models.retrieve('huge')).rejects.toMatchObject({ status: 404, code: 'model_not_found' })
})

test('it answers, and counts tokens [L-014 P-063]', async () => {
  const { choices, usage } = await openai.chat.completions.create(ask)
  const message = { role: 'assistant', content: expect.stringMatching(SPEECH) }
  expect(choices).toEqual([
    expect.objectContaining({ index: 0, finish_reason: 'stop', message: expect.objectContaining(message) }),
  ])
  // A token for each byte of the question as the template writes it, for each word of the answer, and for its end.
  const asked = '^<user.Hello ee>.<assistant.'.length
  expect(usage).toEqual({ prompt_tokens: asked, completion_tokens: 10, total_tokens: asked + 10 })
})

test('a stream brings the same words as they come, and the usage when it is asked for [L-014]', async () => {
  const stream = await openai.chat.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } })
  const chunks = await all(stream)
  expect(chunks[0]?.choices[0]?.delta).toEqual({ role: 'assistant', content: '' })
  const words = chunks.flatMap(({ choices }) => choices[0]?.delta.content || [])
  expect(words.length).toBeGreaterThan(5)
  expect(words.join('')).toMatch(SPEECH)
  expect(chunks.at(-2)).toMatchObject({ choices: [{ delta: {}, finish_reason: 'stop' }], usage: null })
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 10 } })
  const plain = await all(await openai.chat.completions.create({ ...ask, stream: true }))
  expect(plain.filter((chunk) => 'usage' in chunk)).toEqual([])
})

test('a seed repeats what was drawn; without temperature nothing is drawn [L-014]', async () => {
  const say = async (seed: number, temperature: number) =>
    (await openai.chat.completions.create({ ...ask, seed, temperature })).choices[0]?.message.content
  const seeds = Array.from({ length: 12 }, (_, seed) => seed)
  const drawn = await Promise.all(seeds.map((seed) => say(seed, 1)))
  expect(await Promise.all(seeds.map((seed) => say(seed, 1)))).toEqual(drawn)
  expect(new Set(drawn).size).toBe(2)
  expect(new Set(await Promise.all(seeds.map((seed) => say(seed, 0)))).size).toBe(1)
})

test('it stops where it is told to [L-014]', async () => {
  const cut = await openai.chat.completions.create({ ...ask, max_tokens: 3 })
  expect(cut).toMatchObject({
    choices: [{ finish_reason: 'length', message: { content: 'Hello! This' } }],
    usage: { completion_tokens: 3 },
  })
  const stopped = await openai.chat.completions.create({ ...ask, stop: ['never', ' tiny'] })
  expect(stopped.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'Hello! This is a' } })
})

const schema = {
  type: 'object',
  properties: {
    answer: { enum: ['yes', 'no'] },
    sure: { type: 'boolean' },
    why: { anyOf: [{ type: 'string', maxLength: 5 }, { type: 'null' }] },
  },
  required: ['answer', 'sure', 'why'],
  additionalProperties: false,
}

test.each([true, false])('an answer has the shape that was asked for; as a stream: %s [L-014]', async (stream) => {
  const format = { type: 'json_schema' as const, json_schema: { name: 'verdict', strict: true, schema } }
  const request = { ...ask, seed: 7, temperature: 1, response_format: format }
  const text = stream
    ? (await all(await openai.chat.completions.create({ ...request, stream })))
        .map(({ choices }) => choices[0]?.delta.content ?? '')
        .join('')
    : (await openai.chat.completions.create(request)).choices[0]?.message.content
  const value = JSON.parse(text ?? '')
  expect(Object.keys(value)).toEqual(['answer', 'sure', 'why'])
  expect(['yes', 'no']).toContain(value.answer)
  expect(typeof value.sure).toBe('boolean')
  expect(value.why === null || value.why.length <= 5).toBe(true)
})

test('it calls tools and hears their answers [L-014]', async () => {
  await using server = await startServer('caller', { bytes: caller, engines })
  const client = clientOf(server.url)
  const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
  const tools = [{ type: 'function' as const, function: { name: 'get_weather', parameters } }]
  const request = { ...ask, model: 'caller', tools, max_tokens: 50 }
  const { choices } = await client.chat.completions.create(request)
  const call = {
    id: expect.stringMatching(/^call_/),
    type: 'function',
    function: { name: 'get_weather', arguments: '{"city":"Rome"}' },
  }
  expect(choices[0]).toMatchObject({ finish_reason: 'tool_calls', message: { content: null, tool_calls: [call] } })
  const chunks = await all(await client.chat.completions.create({ ...request, stream: true }))
  expect(chunks.flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? [])).toEqual([{ index: 0, ...call }])
  const [asked] = choices[0]!.message.tool_calls!
  const heard = [...messages, choices[0]!.message, { role: 'tool' as const, tool_call_id: asked!.id, content: 'rain' }]
  expect((await client.chat.completions.create({ ...request, messages: heard, max_tokens: 5 })).choices).toHaveLength(1)
  const without = await client.chat.completions.create({ ...request, tool_choice: 'none' })
  expect(without.choices[0]).toMatchObject({
    finish_reason: 'stop',
    message: { content: expect.stringMatching(/^\|\|call/) },
  })
  expect(await server.stop()).toBe(0)
})

test('who leaves stops the work; who comes when all is taken waits, or is sent away [L-014]', async () => {
  const env = { LOCAL_MODEL_PARALLEL: '1', LOCAL_MODEL_QUEUE: '1' }
  await using server = await startServer('endless', { bytes: endless, engines, env })
  const client = clientOf(server.url)
  const request = { ...ask, model: 'endless' }
  const short = { ...request, max_tokens: 3 }
  const stream = await client.chat.completions.create({ ...request, stream: true })
  const reader = stream[Symbol.asyncIterator]()
  await reader.next()
  const waiting = client.chat.completions.create(short)
  const refused = await until(() => client.chat.completions.create(short).catch((error: APIError) => error))
  expect(refused).toMatchObject({ status: 429, type: 'rate_limit_error' })
  expect((refused as APIError).headers?.get('retry-after')).toBe('1')
  const left = Date.now()
  stream.controller.abort()
  expect((await waiting).choices[0]?.message.content).toBe('on and ')
  // The rest of what was begun would have taken longer.
  expect(Date.now() - left).toBeLessThan(1000)
  expect((await client.chat.completions.create({ ...request, max_tokens: 4000 })).choices[0]?.finish_reason).toBe(
    'length',
  )
})

test.each<[string, object, object]>([
  ['an unknown model', { model: 'huge' }, { status: 404, code: 'model_not_found' }],
  ['no messages', { messages: [] }, { status: 400, param: 'messages' }],
  [
    'an image',
    { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:' } }] }] },
    { status: 400, param: 'messages.0.content' },
  ],
  [
    'more than fits',
    { messages: [{ role: 'user', content: 'x'.repeat(3000) }] },
    { status: 400, code: 'context_length_exceeded' },
  ],
  [
    'a schema that is none',
    { response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'odd' } } } },
    { status: 400, param: 'response_format.json_schema.schema' },
  ],
])('%s is refused, also as a stream [L-014]', async (_name, change, expected) => {
  for (const stream of [false, true])
    await expect(openai.chat.completions.create({ ...ask, ...change, stream })).rejects.toMatchObject(expected)
})

test('a file that only begins like a model is refused in words [L-014]', async () => {
  const starting = startServer('broken', { bytes: Buffer.from('GGUF and then nothing of the kind'), engines })
  await expect(starting).rejects.toThrow(/^1: [\s\S]*Error: .*broken\.gguf cannot be used: /)
})

test('make start runs the file that JAN_MODEL_GGUF names, and llm-api answers with it [L-014 P-063]', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'jan-with-model-'))
  const file = join(stateDir, 'brave.gguf')
  writeFileSync(file, tinyGguf({ words: ['Brave', ' new', ' model', '.'] }))
  // What the runner has installed, as make start would.
  symlinkSync(engines, join(stateDir, 'local-model'))
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, JAN_STATE_DIR: stateDir, JAN_PORT_OFFSET: '14200', JAN_MODEL_GGUF: file }
  const cli = (command: string) =>
    promisify(execFile)(process.execPath, [join(import.meta.dirname, '../../embedded/src/cli.ts'), command], {
      env: { ...env, LOCAL_MODEL_THREADS: '1' },
    })
  try {
    const { stdout } = await cli('start-bg')
    expect(stdout).toMatch(/^ {2}local-model .* up$/m)
    expect(stdout).toContain(`The model is brave, which runs on this machine (${file}).`)
    const gateway = 'http://localhost:22200'
    const guest = (await (await fetch(`${gateway}/auth/guest-login`, { method: 'POST' })).json()) as Guest
    const client = new OpenAI({ baseURL: `${gateway}/v1`, apiKey: guest.access_token, maxRetries: 0 })
    for (const model of ['brave', 'jan-v1-4b']) {
      const { choices } = await client.chat.completions.create({ model, messages, temperature: 0 })
      expect(choices[0]?.message.content).toBe('Brave new model.')
    }
    expect((await cli('doctor')).stdout).toMatch(/ok {3}.*brave\.gguf runs on this machine; .* is installed/)
  } finally {
    await cli('stop')
    await cli('reset')
    rmSync(stateDir, { recursive: true, force: true })
  }
})
type Guest = { access_token: string }

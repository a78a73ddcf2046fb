import type { Turn } from '@jan/model-simulator/script'
import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import OpenAI from 'openai'
import { type Judged, startJudged } from './judged.ts'

/** What the official OpenAI client makes of everything that goes wrong. */
let judged: Judged
const script: Turn[] = [{ text: 'unused' }]
beforeAll(async () => {
  judged = await startJudged(script)
})
afterAll(() => judged.close())

const play = (...turns: Turn[]) => void script.splice(0, script.length, ...turns)
const messages = [{ role: 'user' as const, content: 'Go on' }]
const LONG = 'one two three four five six seven eight nine ten '.repeat(40)
const chat = () => judged.client.chat.completions
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

async function readAll(stream: AsyncIterable<OpenAI.ChatCompletionChunk>): Promise<string> {
  let text = ''
  for await (const { choices } of stream) text += choices[0]?.delta.content ?? ''
  return text
}

test('who leaves in the middle of a stream stops the model [L-080]', async () => {
  play({ text: LONG, chunk_delay_ms: 20 })
  const stream = await chat().create({ model: judged.model, messages, stream: true })
  let pieces = 0
  for await (const { choices } of stream) if (choices[0]?.delta.content && ++pieces === 3) break
  expect(stream.controller.signal.aborted).toBe(true)
  const seen = await until(async () => {
    const now = await judged.seen()
    return now.in_flight === 0 && now
  })
  expect(seen.requests.at(-1)).toMatchObject({ url: '/v1/chat/completions', cut_off: true })
})

test('who stops waiting for the head of an answer stops the model, too [L-080]', async () => {
  play({ text: 'late', delay_ms: 60_000 })
  const leaving = new AbortController()
  const answer = failureOf(chat().create({ model: judged.model, messages }, { signal: leaving.signal }))
  await until(async () => (await judged.seen()).in_flight === 1)
  leaving.abort()
  expect(await answer).toBeInstanceOf(OpenAI.APIUserAbortError)
  await until(async () => (await judged.seen()).in_flight === 0)
})

test('a model that nobody has is NotFoundError, on chat and alone [L-080]', async () => {
  for (const ask of [
    () => chat().create({ model: 'no/such-model', messages }),
    () => judged.client.models.retrieve('no/such-model'),
  ]) {
    const error = await failureOf(ask())
    expect(error).toBeInstanceOf(OpenAI.NotFoundError)
    expect(error).toMatchObject({ status: 404, code: 'model_not_found', requestID: expect.any(String) })
    expect((error as Error).message).toContain('no/such-model')
  }
})

test('a key that nobody has is AuthenticationError, and so is none [L-080]', async () => {
  for (const apiKey of [`sk_live_${'0'.repeat(48)}`, 'sk-proj-not-one-of-ours', 'junk']) {
    const stranger = new OpenAI({ baseURL: judged.baseURL, apiKey, maxRetries: 0 })
    for (const ask of [
      () => stranger.models.list(),
      () => stranger.chat.completions.create({ model: judged.model, messages }),
    ]) {
      const error = await failureOf(ask())
      expect(error).toBeInstanceOf(OpenAI.AuthenticationError)
      expect((error as Error).message).not.toContain(apiKey)
    }
  }
})

test.each([
  ['no messages', { messages: [] }],
  ['messages that are none', { messages: 'hello' }],
  ['a message without a role', { messages: [{ content: 'hello' }] }],
  ['a model that is a number', { model: 7 }],
  ['a stream that is a word', { stream: 'yes' }],
])('%s is BadRequestError [L-080]', async (_what, fields) => {
  const error = await failureOf(chat().create({ model: judged.model, messages, ...fields } as never))
  expect(error).toBeInstanceOf(OpenAI.BadRequestError)
  expect(error).toMatchObject({
    type: 'invalid_request_error',
    param: expect.stringMatching(/^(messages|model|stream)/),
  })
})

test('what is no JSON is 400 and names the place [L-080]', async () => {
  const answer = await fetch(`${judged.baseURL}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${judged.apiKey}`, 'content-type': 'application/json' },
    body: '{"model": "x", }',
  })
  const { error } = (await answer.json()) as { error: { code: string; message: string } }
  expect([answer.status, error.code]).toEqual([400, 'invalid_json'])
  expect(error.message).toContain('position 15')
})

test('what a provider refuses is told as it told it [L-080]', async () => {
  play({ status: 400, error: { message: 'Too many words', code: 'context_length_exceeded', param: 'messages' } })
  const error = await failureOf(chat().create({ model: judged.model, messages }))
  expect(error).toBeInstanceOf(OpenAI.BadRequestError)
  expect(error).toMatchObject({ code: 'context_length_exceeded', param: 'messages' })
  expect((error as Error).message).toContain('Too many words')
})

test('a provider that has too much to do is RateLimitError with the time to wait [L-080]', async () => {
  play({ status: 429, error: { message: 'Slow down', code: 'rate_limit_exceeded' }, headers: { 'retry-after': '1' } })
  const error = await failureOf(chat().create({ model: judged.model, messages }))
  expect(error).toBeInstanceOf(OpenAI.RateLimitError)
  expect((error as InstanceType<typeof OpenAI.RateLimitError>).headers?.get('retry-after')).toBe('1')
})

test.each(['reset', 'truncate', 'error_event'] as const)(
  'a stream with %s in the middle is an error, not a short answer [L-080]',
  async (fault) => {
    play({ text: LONG, fault, after_chunks: 4 })
    const stream = await chat().create({ model: judged.model, messages, stream: true })
    const error = await failureOf(readAll(stream))
    expect(error).toBeInstanceOf(OpenAI.APIError)
    play({ text: 'well again' })
    expect(await readAll(await chat().create({ model: judged.model, messages, stream: true }))).toBe('well again')
  },
)

test('a stream without its end mark is whole when the model had finished [L-080]', async () => {
  play({ text: 'all of it', fault: 'no_done' })
  expect(await readAll(await chat().create({ model: judged.model, messages, stream: true }))).toBe('all of it')
})

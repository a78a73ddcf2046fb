import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { events, jsonOf, play } from './fixtures/any-provider.ts'
import { type ManyModels, startManyModels } from './fixtures/many-models.ts'

/** What OpenAI's API has beside chat, where it is JSON or a stream of events. */
let many: ManyModels
beforeAll(async () => {
  many = await startManyModels()
})
beforeEach(() => {
  many.provider.calls.length = 0
})
afterAll(() => many.close())

type Json = Record<string, unknown>
const send = async (path: string, json: Json) => {
  const model = many.fresh()
  const answer = await many.post(path, { model, ...json })
  return { model, status: answer.status, headers: answer.headers, text: await answer.text() }
}
const asked = () => many.provider.calls[0]!
const JSON_TYPE = 'application/json'

const ODD = { user: '', dimensions: 0, vendor: { a: [null, 0, false, ''] }, nothing: null }

/** Path, request, answer as the provider writes it, and what the ledger shall say. */
const RELAYS: [string, string, Json, string, Json][] = [
  [
    'a completion',
    '/completions',
    { prompt: ['a', 'b'], temperature: 0, max_tokens: 0, logprobs: 0, stop: 'x', echo: false, suffix: null, ...ODD },
    '{"id": "cmpl-1", "object": "text_completion", "choices": [{"text": "süß", "index": 0, "logprobs": null, "finish_reason": "length"}], "usage": {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}}',
    { operation: 'completion', prompt_tokens: 4, completion_tokens: 2, is_estimated: false },
  ],
  [
    'embeddings in base64, with tokens of the request only',
    '/embeddings',
    { input: [[1, 2], [3]], encoding_format: 'base64', ...ODD },
    '{"object":"list","data":[{"object":"embedding","embedding":"AACAPwAAAEA=","index":0}],"model":"e","usage":{"prompt_tokens":8,"total_tokens":8}}',
    { operation: 'embedding', prompt_tokens: 8, completion_tokens: 0, is_estimated: false },
  ],
  [
    'embeddings of a server that counts the total alone',
    '/embeddings',
    { input: 'x' },
    '{"object":"list","data":[{"embedding":[0,-0.0,1e-9]}],"usage":{"total_tokens":3}}',
    { operation: 'embedding', prompt_tokens: 3, completion_tokens: 0, is_estimated: false },
  ],
  [
    'embeddings of a server that counts nothing',
    '/embeddings',
    { input: 'four words are here' },
    '{"data":[{"embedding":[1]}]}',
    { operation: 'embedding', completion_tokens: 0, is_estimated: true },
  ],
  [
    'a ranking',
    '/rerank',
    { query: 'q', documents: ['a', { text: 'b' }], top_n: 0, return_documents: false },
    '{"id":"r","results":[{"index":1,"relevance_score":0,"document":null}],"usage":{"total_tokens":11}}',
    { operation: 'rerank', prompt_tokens: 11, completion_tokens: 0 },
  ],
  [
    'a judgement',
    '/moderations',
    { input: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] },
    '{"id":"modr-1","results":[{"flagged":false,"categories":{"hate":false},"category_scores":{"hate":0.0}}]}',
    { operation: 'moderation', is_estimated: true },
  ],
  [
    'an image',
    '/images/generations',
    { prompt: 'a cat', n: 1, size: 'auto', output_compression: 0, stream: false },
    '{"created":0,"data":[{"b64_json":"iVBORw0KGgo="}],"usage":{"input_tokens":9,"output_tokens":1056,"total_tokens":1065,"input_tokens_details":{"text_tokens":9,"image_tokens":0}}}',
    { operation: 'image', prompt_tokens: 9, completion_tokens: 1056, is_estimated: false },
  ],
]

test.each(RELAYS)(
  '%s: the request and the answer stay as they are, and the ledger knows [L-041 L-027 W-013]',
  async (_what, path, json, whole, row) => {
    many.provider.onCall = play(`${JSON_TYPE}; charset=utf-8`, whole)
    const { model, ...answer } = await send(path, json)
    expect(answer).toMatchObject({ status: 200, text: whole })
    expect([answer.headers.get('content-type'), answer.headers.get('x-jan-provider')]).toEqual([
      `${JSON_TYPE}; charset=utf-8`,
      'place',
    ])
    expect([asked().path, jsonOf(asked())]).toEqual([`/v1${path}`, { model: `its-${model}`, ...json }])
    expect(await many.ledger(model)).toMatchObject([{ ...row, outcome: 'ok', attempts: 1, status: 200 }])
  },
)

test.each(RELAYS)('%s: the credentials of who asks stay here [L-043]', async (_what, path, json, whole) => {
  many.provider.onCall = play(JSON_TYPE, whole)
  const model = many.fresh()
  const headers = { cookie: 'session=1', 'x-api-key': '', 'openai-organization': 'org-mine', 'x-forwarded-user': 'ann' }
  const answer = await many.post(path, { model, ...json }, { headers })
  expect(answer.status).toBe(200)
  const sent = JSON.stringify(asked().headers)
  expect(asked().headers.authorization).toBe('Bearer provider-key')
  for (const secret of [many.ann.authorization, 'session=1', 'org-mine', 'ann']) expect(sent).not.toContain(secret)
})

test.each(RELAYS)(
  '%s: a refusal keeps its status, its words and when to come again [L-041 L-042]',
  async (_what, path, json) => {
    many.provider.onCall = (response) =>
      response
        .writeHead(429, { 'content-type': JSON_TYPE, 'retry-after': '17', 'retry-after-ms': '16500' })
        .end('{"error":{"message":"slowly","type":"tokens","code":"rate_limit_exceeded","param":null}}')
    const { model, ...answer } = await send(path, json)
    expect(answer.status).toBe(429)
    expect(JSON.parse(answer.text)).toMatchObject({ error: { message: 'slowly', code: 'rate_limit_exceeded' } })
    expect([answer.headers.get('retry-after'), answer.headers.get('retry-after-ms')]).toEqual(['17', '16500'])
    expect(await many.ledger(model)).toMatchObject([{ outcome: 'failed', status: 429, prompt_tokens: 0 }])
  },
)

test.each(RELAYS)('%s: half an answer is 502 [L-042]', async (_what, path, json, whole) => {
  many.provider.onCall = play(JSON_TYPE, whole.slice(0, -5))
  const { model, status } = await send(path, json)
  expect(status).toBe(502)
  expect(await many.ledger(model)).toMatchObject([{ outcome: 'failed', status: 502 }])
})

describe('as a stream', () => {
  const event = (json: unknown) => `data: ${JSON.stringify(json)}\n\n`
  const typed = (json: Json) => `event: ${json.type}\n${event(json)}`
  const text = (part: string, finish: string | null) =>
    event({ object: 'text_completion', choices: [{ index: 0, text: part, finish_reason: finish }] })
  const usage = event({ object: 'text_completion', choices: [], usage: { prompt_tokens: 4, completion_tokens: 2 } })
  const DONE = 'data: [DONE]\n\n'

  test.each([
    [true, text('sü', null) + text('ß', 'stop') + usage + DONE],
    [false, text('sü', null) + text('ß', 'stop') + DONE],
  ])('a completion (usage asked for: %s) [L-041 L-033]', async (include_usage, seen) => {
    many.provider.onCall = events(text('sü', null), text('ß', 'stop'), usage, DONE)
    const { model, ...answer } = await send('/completions', {
      prompt: 'x',
      stream: true,
      stream_options: { include_usage },
    })
    expect(answer).toMatchObject({ status: 200, text: seen })
    expect(jsonOf(asked()).stream_options).toEqual({ include_usage: true })
    expect(await many.ledger(model)).toMatchObject([
      { operation: 'completion', stream: true, prompt_tokens: 4, completion_tokens: 2, is_estimated: false },
    ])
  })

  test('a completion that breaks ends in an error event [L-041 L-031]', async () => {
    many.provider.onCall = events(text('a', null))
    const answer = await send('/completions', { prompt: 'x', stream: true })
    expect([answer.text.startsWith(text('a', null)), answer.text.includes('event: error')]).toEqual([true, true])
    expect(answer.text).not.toContain('[DONE]')
  })

  test('an image, which knows no end mark and no option of streams [L-041]', async () => {
    const told = { input_tokens: 9, output_tokens: 1056, total_tokens: 1065 }
    const all =
      typed({ type: 'image_generation.partial_image', b64_json: 'AAAA', partial_image_index: 0 }) +
      typed({ type: 'image_generation.completed', b64_json: 'AAAABBBB', usage: told })
    many.provider.onCall = events(all)
    const json = { prompt: 'a cat', stream: true, partial_images: 1 }
    const { model, ...answer } = await send('/images/generations', json)
    expect(answer).toMatchObject({ status: 200, text: all })
    expect(jsonOf(asked())).toEqual({ model: `its-${model}`, ...json })
    expect(await many.ledger(model)).toMatchObject([
      { operation: 'image', outcome: 'ok', prompt_tokens: 9, completion_tokens: 1056, is_estimated: false },
    ])
  })
})

test.each([
  ['/completions', { prompt: 'x', stream: 'yes' }, 'stream'],
  ['/completions', { prompt: 'x', max_tokens: '5' }, 'max_tokens'],
  ['/embeddings', { input: 'x', model: 7 }, 'model'],
  ['/rerank', { query: 'x', documents: 'all' }, 'documents'],
  ['/images/generations', { prompt: ['a'] }, 'prompt'],
  ['/audio/speech', { voice: 'x' }, 'input'],
])('%s refuses %j before the provider is asked [L-041]', async (path, json, param) => {
  const { status, text } = await send(path, json)
  expect([status, JSON.parse(text)]).toMatchObject([400, { error: { param, type: 'invalid_request_error' } }])
  expect(many.provider.calls).toHaveLength(0)
})

test('a model that nobody has, and no token [L-041]', async () => {
  for (const [, path, json] of RELAYS) {
    const unknown = await many.post(path, { ...json, model: 'no/such' })
    expect([unknown.status, await unknown.json()]).toMatchObject([404, { error: { code: 'model_not_found' } }])
    const stranger = await many.post(path, { ...json, model: 'm-0' }, { headers: { authorization: '' } })
    expect([stranger.status, (await stranger.text()).includes('authentication_error')]).toEqual([401, true])
  }
  expect(many.provider.calls).toHaveLength(0)
})

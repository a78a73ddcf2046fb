import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { call } from './boot.ts'
import { chunk, completion } from './fake-provider.ts'
import { events, jsonOf, play } from './fixtures/any-provider.ts'
import { HI, type ManyModels, startManyModels } from './fixtures/many-models.ts'

/** What a client may send: odd, wrong, broken and hostile. */
const LIMIT = 20_000_000
let many: ManyModels
beforeAll(async () => {
  // Megabytes may take a while on a busy machine.
  many = await startManyModels({ LLM_API_BODY_LIMIT: String(LIMIT), MODEL_HEAD_TIMEOUT: '60s' })
})
beforeEach(() => {
  many.provider.calls.length = 0
  many.provider.onCall = play('application/json', JSON.stringify(completion('hello')))
})
afterAll(() => many.close())

type Json = Record<string, unknown>
const post = async (body: string | Uint8Array, headers: Record<string, string> = {}) => {
  const answer = await many.post('/chat/completions', body, { headers })
  return { status: answer.status, json: (await answer.json()) as { error: Json; message: string } }
}
const chat = (json: Json) => post(JSON.stringify({ model: many.fresh(), messages: HI, ...json }))
const sent = () => jsonOf(many.provider.calls[0]!)

describe('reaches the provider as it is [L-030 W-013]', () => {
  test.each<[string, Json]>([
    ['zeros', { temperature: 0, top_p: 0, seed: 0, n: 0, max_tokens: 0, presence_penalty: 0, logit_bias: { 1: 0 } }],
    ['room without end', { max_tokens: -1 }],
    ['nulls', { temperature: null, stop: null, tools: null, response_format: null, stream_options: null, user: null }],
    ['falses and empty things', { logprobs: false, store: null, stop: '', tools: [], user: '', metadata: {} }],
    [
      'fields of vendors, nested',
      { top_k: 0, guided_json: { anyOf: [{ type: ['string', 'null'] }, { const: 0 }] }, x: { y: [[{ z: null }]] } },
    ],
    [
      'a schema with all its words',
      {
        response_format: {
          type: 'json_schema',
          json_schema: {
            name: 'n',
            strict: false,
            schema: { type: ['object', 'null'], enum: [1, null, false], $defs: { a: { minimum: 0 } }, default: 0 },
          },
        },
      },
    ],
    [
      'tools of unknown kinds',
      {
        tools: [
          { type: 'vendor', payload: { a: 0 } },
          { type: 'function', function: { name: 'f', parameters: {}, strict: null } },
        ],
      },
    ],
    [
      'names that objects have by birth',
      { constructor: 1, prototype: { a: 0 }, toString: null, hasOwnProperty: false },
    ],
    ['texts of all kinds', { user: 'a\u0000b\u2028\u{1F469}\u200D\u{1F680}\uFFFF', stop: ['\n', '\\', '"', '</s>'] }],
    [
      'unknown roles and parts',
      {
        messages: [
          { role: 'wizard', content: 'x' },
          { role: '', content: 0 },
          { role: 'user', content: [{ type: 'vendor', x: 0 }, 7, null] },
          { role: 'user' },
          { role: 'tool', content: null, name: '' },
        ],
      },
    ],
  ])('%s', async (_what, json) => {
    const { status } = await chat(json)
    const { store, ...rest } = json
    expect([status, store ?? null]).toEqual([200, null])
    expect(sent()).toEqual({ messages: HI, ...rest, model: expect.stringMatching(/^its-/) })
  })

  test('a text that is half a character', async () => {
    const { status } = await post(`{"model":"${many.fresh()}","messages":[{"role":"user","content":"\\ud83d"}]}`)
    expect([status, sent().messages]).toEqual([200, [{ role: 'user', content: '\ud83d' }]])
  })

  test('a thousand levels', async () => {
    const deep = `${'{"a":['.repeat(500)}${']}'.repeat(500)}`
    const model = many.fresh()
    const { status } = await post(`{"model":"${model}","messages":[{"role":"user","content":${deep}}],"extra":${deep}}`)
    expect(status).toBe(200)
    expect(many.provider.calls[0]!.body.toString()).toContain(`"extra":${deep}`)
  })

  test('a message of many megabytes', async () => {
    const content = 'süß🌍'.repeat(1_000_000)
    const { status } = await chat({ messages: [{ role: 'user', content }] })
    expect([status, (sent().messages as Json[])[0]!.content === content]).toEqual([200, true])
  })

  test('ten thousand messages', async () => {
    const messages = Array.from({ length: 10_000 }, (_, at) => ({ role: 'user', content: String(at) }))
    expect([(await chat({ messages })).status, sent().messages]).toEqual([200, messages])
  })

  test('of two fields with one name the last one counts, for us and for the provider', async () => {
    const model = many.fresh()
    const { status } = await post(
      `{"model":"no/such","jan_execute_tools":true,"model":"${model}","messages":[],"messages":[{"role":"system","role":"user","content":"hi"}],"jan_execute_tools":false,"stream":true,"stream":false}`,
    )
    expect([status, sent()]).toEqual([200, { model: `its-${model}`, messages: HI, stream: false }])
    expect(many.provider.calls[0]!.body.toString().match(/"model"/g)).toHaveLength(1)
  })
})

describe('is refused before a provider is asked', () => {
  test.each<[string, Json, string]>([
    ['store', { store: 'yes' }, 'store'],
    ['store_reasoning', { store_reasoning: 1 }, 'store_reasoning'],
    ['conversation, a number', { conversation: 7 }, 'conversation'],
    ['conversation, a list', { conversation: [] }, 'conversation'],
    ['conversation, its id', { conversation: { id: 7 } }, 'conversation'],
    ['assistant_id', { assistant_id: {} }, 'assistant_id'],
    ['metadata', { metadata: { a: 1 } }, 'metadata.a'],
    ['stream', { stream: 1 }, 'stream'],
    ['stream_options', { stream_options: [] }, 'stream_options'],
    ['include_usage', { stream_options: { include_usage: 'yes' } }, 'stream_options.include_usage'],
    ['max_tokens', { max_tokens: '5' }, 'max_tokens'],
    ['max_completion_tokens', { max_completion_tokens: 0.5 }, 'max_completion_tokens'],
    ['messages, an object', { messages: { role: 'user' } }, 'messages'],
    ['messages with null', { messages: [null] }, 'messages.0'],
    ['messages with a list', { messages: [[]] }, 'messages.0'],
    ['a role that is none', { messages: [{ role: 5, content: 'x' }] }, 'messages.0.role'],
    ['model, a list', { model: ['m-0'] }, 'model'],
    ['jan_execute_tools', { jan_execute_tools: 'no' }, 'jan_execute_tools'],
    ['jan_approvals', { jan_approvals: {} }, 'jan_approvals'],
  ])('a field of ours of a wrong type: %s [L-030]', async (_what, json, param) => {
    for (const stream of 'stream' in json ? [json.stream] : [false, true]) {
      const answer = await chat({ stream, ...json })
      expect(answer).toMatchObject({
        status: 400,
        json: { error: { param, type: 'invalid_request_error', message: answer.json.message } },
      })
    }
    expect(many.provider.calls).toHaveLength(0)
  })

  test.each<[string, string | Uint8Array]>([
    ['nothing', ''],
    ['blanks', ' \n '],
    ['a list', '[]'],
    ['null', 'null'],
    ['a text', '"x"'],
    ['half of it', '{"model":"m-0","messages":[{"role"'],
    ['a comma too many', '{"model":"m-0","messages":[],}'],
    ['a comment', '{"model":"m-0" /* no */}'],
    ['two of them', '{"model":"m-0"}{"model":"m-0"}'],
    ['NaN', '{"temperature":NaN}'],
    [
      'bytes that are no UTF-8',
      Buffer.from('{"model":"m-0","messages":[{"role":"user","content":"\xff\xfe"}]}', 'latin1'),
    ],
    ['UTF-8 that breaks off', Buffer.from('{"model":"\xf0\x9f\x8c"}', 'latin1')],
    ['a surrogate written as UTF-8', Buffer.from('{"model":"\xed\xa0\x80"}', 'latin1')],
    ['UTF-16', Buffer.from('\ufeff{"model":"m-0"}', 'utf16le')],
    ['a form', 'model=m-0&messages=hi'],
  ])('no JSON object: %s [L-030]', async (_what, body) => {
    expect(await post(body)).toMatchObject({ status: 400, json: { error: { type: 'invalid_request_error' } } })
    expect(many.provider.calls).toHaveLength(0)
  })

  test.each([
    ['a hundred thousand levels', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['a million levels that nobody closes', '{"a":'.repeat(1_000_000)],
  ])('%s [L-030]', async (_what, deep) => {
    const { status } = await post(`{"model":"m-0","messages":[{"role":"user","content":"x"}],"extra":${deep}}`)
    expect(status).toBe(400)
    expect(many.provider.calls).toHaveLength(0)
  })

  test('more than the limit, also when nobody said how much it is [L-030]', async () => {
    const piece = new Uint8Array(1_000_000).fill(0x20)
    expect((await post(new Uint8Array(LIMIT + 1).fill(0x20))).status).toBe(413)
    let left = 40
    const body = new ReadableStream({
      pull: (controller) => {
        left -= 1
        if (left < 0) controller.close()
        else controller.enqueue(piece)
      },
    })
    const answer = await fetch(`${many.service.url}/v1/chat/completions`, {
      method: 'POST',
      headers: many.ann,
      body,
      duplex: 'half',
    } as RequestInit).then(
      ({ status }) => status,
      // The connection may be closed before all of it was sent.
      () => 413,
    )
    expect([answer, left > 0]).toEqual([413, true])
  })

  test('a packed body [L-030]', async () => {
    expect((await post('{}', { 'content-encoding': 'gzip' })).status).toBeGreaterThanOrEqual(400)
    expect(many.provider.calls).toHaveLength(0)
  })
})

describe('a conversation of somebody else [L-057]', () => {
  test.each([true, false])('is none, and nothing of it is told (stream: %s)', async (stream) => {
    const ben = await many.service.as('ben')
    const made = await call(many.service, 'POST', '/v1/conversations', { headers: ben, json: {} })
    const foreign = await chat({ conversation: made.json.id, stream })
    const unknown = await chat({ conversation: 'conv_0123456789abcdef', stream })
    const hidden = (text: string) => text.replaceAll(String(made.json.id), 'conv_0123456789abcdef')
    expect([foreign.status, hidden(foreign.json.message)]).toEqual([404, unknown.json.message])
    expect((await chat({ conversation: { id: made.json.id }, stream })).status).toBe(404)
    expect(many.provider.calls).toHaveLength(0)
    const { json } = await call(many.service, 'GET', `/v1/conversations/${made.json.id}/items`, { headers: ben })
    expect(json.data).toEqual([])
  })
})

describe('odd texts in a conversation are answered, and kept as far as they are texts [L-036]', () => {
  test.each([
    ['a NUL', 'a\u0000b'],
    ['half a character', 'a\ud83d'],
    ['a role that nobody knows', 'x', 'wizard'],
    ['no content', null],
    ['a number', 7],
    ['parts of unknown kinds', [{ type: 'vendor', x: 0 }, 7, null]],
  ])('%s', async (_what, content, role = 'user') => {
    const { status, json } = await chat({ conversation: '', messages: [{ role, content }] })
    expect([status, json]).toMatchObject([200, { conversation: { id: expect.stringMatching(/^conv_/) } }])
    expect(JSON.stringify(json)).not.toContain('"stored":false')
  })

  test.each(['\u0000', '\ud83d', '\u{1F469}\u200D\u{1F680}'])('an answer with %j', async (odd) => {
    const model = many.fresh()
    many.provider.onCall = events(chunk(`a${odd}`), chunk('', 'stop'))
    const answer = await many.chat(model, { conversation: '', stream: true })
    const text = await answer.text()
    expect([text.includes('data: [DONE]'), text.includes('"stored":false')]).toEqual([true, false])
  })
})

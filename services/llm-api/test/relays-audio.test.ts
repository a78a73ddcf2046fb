import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { breakAfter, events, jsonOf, play } from './fixtures/any-provider.ts'
import { type ManyModels, startManyModels } from './fixtures/many-models.ts'

/** Sounds: forms that hold them, and answers that are them. */
let many: ManyModels
beforeAll(async () => {
  many = await startManyModels()
})
beforeEach(() => {
  many.provider.calls.length = 0
})
afterAll(() => many.close())

const JSON_TYPE = 'application/json'
const event = (json: Record<string, unknown>) => `data: ${JSON.stringify(json)}\n\n`
/** Every byte there is, and what could be taken for the end of a part. */
const SOUND = Buffer.concat([Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), Buffer.from('\r\n--x--\r\n')])
const asked = () => many.provider.calls[0]!
const formAsked = async () => {
  const { body, headers } = asked()
  return new Response(new Uint8Array(body), { headers: { 'content-type': headers['content-type']! } }).formData()
}
const formOf = (fields: [string, string | Blob][]) => {
  const form = new FormData()
  for (const [name, value] of fields)
    if (typeof value === 'string') form.append(name, value)
    else form.append(name, value, 'süß.wav')
  return form
}
const sound = new Blob([SOUND], { type: 'audio/wav' })

describe.each(['/audio/transcriptions', '/audio/translations'])('%s [L-041]', (path) => {
  const fields = (model: string): [string, string | Blob][] => [
    ['prompt', 'süß 🌍'],
    ['file', sound],
    ['model', model],
    ['timestamp_granularities[]', 'word'],
    ['timestamp_granularities[]', 'segment'],
    ['temperature', '0'],
    ['vendor', ''],
  ]

  test('the form arrives field by field and byte for byte, with the name that the provider knows [L-043]', async () => {
    many.provider.onCall = play(JSON_TYPE, '{"text":"x"}')
    const model = many.fresh()
    await many.post(path, formOf(fields(model)))
    const sent = [...(await formAsked()).entries()]
    expect(sent.map(([name, value]) => [name, typeof value === 'string' ? value : value.name])).toEqual(
      fields(model).map(([name, value]) => [
        name,
        name === 'model' ? `its-${model}` : name === 'file' ? 'süß.wav' : value,
      ]),
    )
    const file = sent[1]![1] as File
    expect([file.type, Buffer.from(await file.arrayBuffer()).equals(SOUND)]).toEqual(['audio/wav', true])
    expect([asked().path, asked().headers.authorization]).toEqual([`/v1${path}`, 'Bearer provider-key'])
  })

  test.each([
    [
      'JSON',
      JSON_TYPE,
      '{ "text":"süß", "usage":{"type":"tokens","input_tokens":14,"output_tokens":45,"total_tokens":59}}',
      [14, 45],
    ],
    [
      'JSON that counts seconds',
      JSON_TYPE,
      '{"text":"","segments":[],"usage":{"type":"duration","seconds":27}}',
      [0, 0],
    ],
    ['text', 'text/plain; charset=utf-8', 'süß\n', [0, 0]],
    ['subtitles', 'text/vtt; charset=UTF-8', 'WEBVTT\r\n\r\n00:00.000 --> 00:01.000\r\nsüß\r\n', [0, 0]],
  ])('the answer comes back as it is: %s', async (_what, type, whole, [prompt, completion]) => {
    many.provider.onCall = play(type, whole)
    const model = many.fresh()
    const answer = await many.post(path, formOf(fields(model)))
    expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([200, type, whole])
    expect(await many.ledger(model)).toMatchObject([
      { operation: 'audio', outcome: 'ok', status: 200, prompt_tokens: prompt, completion_tokens: completion },
    ])
  })

  test('and as events, whose usage is in the ledger', async () => {
    const all =
      event({ type: 'transcript.text.delta', delta: 'sü' }) +
      event({
        type: 'transcript.text.done',
        text: 'süß',
        usage: { type: 'tokens', input_tokens: 14, output_tokens: 45 },
      })
    many.provider.onCall = events(all)
    const model = many.fresh()
    const answer = await many.post(path, formOf([...fields(model), ['stream', 'true']]))
    expect([answer.status, await answer.text()]).toEqual([200, all])
    expect(await many.ledger(model)).toMatchObject([
      { operation: 'audio', stream: true, prompt_tokens: 14, completion_tokens: 45, is_estimated: false },
    ])
  })

  test('a refusal keeps its status and words, and half an answer is 502 [L-042]', async () => {
    many.provider.onCall = (response) =>
      response.writeHead(400, { 'content-type': JSON_TYPE }).end('{"error":{"message":"no sound"}}')
    const refused = await many.post(path, formOf(fields(many.fresh())))
    expect([refused.status, await refused.json()]).toMatchObject([400, { error: { message: 'no sound' } }])
    many.provider.onCall = play(JSON_TYPE, '{"text":"half')
    const model = many.fresh()
    expect((await many.post(path, formOf(fields(model)))).status).toBe(502)
    expect(await many.ledger(model)).toMatchObject([{ outcome: 'failed' }])
  })

  test.each<[string, number, () => string | FormData, Record<string, string>]>([
    ['no form', 415, () => '{"model":"m-0"}', { 'content-type': JSON_TYPE }],
    ['a form without a boundary', 400, () => 'x', { 'content-type': 'multipart/form-data' }],
    [
      'a form that breaks off',
      400,
      () => '--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nx',
      { 'content-type': 'multipart/form-data; boundary=b' },
    ],
    ['a form without a sound', 400, () => formOf([['model', 'm-0']]), {}],
    [
      'a sound that is a text',
      400,
      () =>
        formOf([
          ['model', 'm-0'],
          ['file', 'x'],
        ]),
      {},
    ],
    ['no model', 400, () => formOf([['file', sound]]), {}],
    [
      'a model that is a sound',
      400,
      () =>
        formOf([
          ['file', sound],
          ['model', sound],
        ]),
      {},
    ],
    [
      'an unknown model',
      404,
      () =>
        formOf([
          ['file', sound],
          ['model', 'no/such'],
        ]),
      {},
    ],
  ])('%s is %i, and no provider is asked', async (_what, status, body, headers) => {
    const answer = await many.post(path, body(), { headers })
    expect([answer.status, Object.keys((await answer.json()) as object)]).toEqual([
      status,
      ['error', 'message', 'request_id'],
    ])
    expect(many.provider.calls).toHaveLength(0)
  })
})

describe('/audio/speech [L-041]', () => {
  const speak = async (json: Record<string, unknown> = {}) => {
    const model = many.fresh()
    return { model, answer: await many.post('/audio/speech', { model, input: 'süß', voice: 'alloy', ...json }) }
  }

  test('a sound comes back byte for byte', async () => {
    many.provider.onCall = play('Audio/L16; Rate=24000; Note=AbC', SOUND.subarray(0, 100), SOUND.subarray(100))
    const { model, answer } = await speak({ speed: 0, response_format: null, vendor: { a: 0 } })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'audio/l16; Rate=24000; Note=AbC'])
    expect(Buffer.from(await answer.arrayBuffer()).equals(SOUND)).toBe(true)
    expect(jsonOf(asked())).toEqual({
      model: `its-${model}`,
      input: 'süß',
      voice: 'alloy',
      speed: 0,
      response_format: null,
      vendor: { a: 0 },
    })
    expect(await many.ledger(model)).toMatchObject([{ operation: 'audio', outcome: 'ok', status: 200 }])
  })

  const first = event({ type: 'speech.audio.delta', audio: 'AAAA' })
  const last = event({ type: 'speech.audio.done', usage: { input_tokens: 14, output_tokens: 101, total_tokens: 115 } })

  test('events come back as they are, and their usage is in the ledger', async () => {
    many.provider.onCall = events(first, last)
    const { model, answer } = await speak({ stream_format: 'sse' })
    expect([answer.status, await answer.text()]).toEqual([200, first + last])
    expect(await many.ledger(model)).toMatchObject([
      { operation: 'audio', prompt_tokens: 14, completion_tokens: 101, is_estimated: false, outcome: 'ok' },
    ])
  })

  test('events that break end in an error event of their own [L-031 L-042]', async () => {
    many.provider.onCall = breakAfter('text/event-stream', `${first}data: {"type":"speech.au`)
    const { model, answer } = await speak({ stream_format: 'sse' })
    expect((await answer.text()).startsWith(`${first}event: error\ndata: {`)).toBe(true)
    expect(await many.ledger(model)).toMatchObject([{ outcome: 'failed', status: 502 }])
  })

  test('a sound that breaks does not look whole [L-042]', async () => {
    many.provider.onCall = breakAfter('audio/mpeg', 'half a sound')
    const { model, answer } = await speak()
    expect(answer.status).toBe(200)
    await expect(answer.arrayBuffer()).rejects.toThrow()
    expect(await many.ledger(model)).toMatchObject([{ outcome: 'failed', status: 502 }])
  })

  test('a page is 502, and a refusal keeps its status [L-042]', async () => {
    many.provider.onCall = play('text/html', '<h1>hello</h1>')
    expect((await speak()).answer.status).toBe(502)
    many.provider.onCall = (response) =>
      response.writeHead(422, { 'content-type': JSON_TYPE }).end('{"detail":"no such voice"}')
    const { answer } = await speak()
    expect([answer.status, await answer.json()]).toMatchObject([422, { error: { message: 'no such voice' } }])
  })

  test('who leaves stops the provider [L-032]', async () => {
    many.provider.onCall = (response) => response.writeHead(200, { 'content-type': 'audio/mpeg' }).write('begin')
    const model = many.fresh()
    const leaving = new AbortController()
    const answer = await many.post('/audio/speech', { model, input: 'x' }, { signal: leaving.signal })
    await answer.body!.getReader().read()
    leaving.abort()
    await asked().left
    expect(await many.ledger(model)).toMatchObject([{ outcome: 'cancelled', status: 499 }])
  })
})

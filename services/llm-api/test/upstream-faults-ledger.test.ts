import { until } from '@jan/testkit/until'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { call } from './boot.ts'
import { chunk, completion, sendJson } from './fake-provider.ts'
import { breakAfter, events, jsonOf, type OnCall, play } from './fixtures/any-provider.ts'
import { type ManyModels, startManyModels } from './fixtures/many-models.ts'

/** One request is one row and one bill, whatever goes wrong; here a request is tried up to three times. */
let many: ManyModels
beforeAll(async () => {
  many = await startManyModels({ MODEL_MAX_ATTEMPTS: '3', MODEL_RETRY_MAX_WAIT: '1s' })
})
beforeEach(() => {
  many.provider.calls.length = 0
})
afterAll(() => many.close())

const EVENTS = 'text/event-stream'
const page = play('text/html', '<h1>hello</h1>')
const refuse =
  (status: number, headers: Record<string, string> = {}): OnCall =>
  (response) =>
    sendJson(response, status, { error: { message: 'no' } }, headers)

describe('one failure is one row, however often it was tried [L-027]', () => {
  test.each<[string, OnCall, number, number]>([
    ['500', refuse(500), 502, 3],
    ['a reset before the head', (response) => response.socket?.resetAndDestroy(), 502, 3],
    ['429 without a time', refuse(429), 429, 3],
    ['429 for longer than anybody waits', refuse(429, { 'retry-after': '60' }), 429, 1],
    ['400', refuse(400), 400, 1],
    ['401', refuse(401), 502, 1],
    ['302', refuse(302, { location: '/' }), 502, 1],
    ['a page, which would come again', page, 502, 1],
    [
      'an encoding, which would come again',
      (response) => sendJson(response, 200, {}, { 'content-encoding': 'br' }),
      502,
      1,
    ],
  ])('%s', async (_what, onCall, status, attempts) => {
    many.provider.onCall = onCall
    const model = many.fresh()
    const answer = await many.chat(model)
    expect([answer.status, answer.headers.get('x-jan-attempts')]).toEqual([status, String(attempts)])
    expect(many.provider.calls).toHaveLength(attempts)
    expect(await many.ledger(model)).toMatchObject([
      { outcome: 'failed', status, attempts, prompt_tokens: 0, completion_tokens: 0 },
    ])
    const usage = await call(many.service, 'GET', `/v1/usage?group_by=model&model=${model}`, { headers: many.ann })
    expect(usage.json.data).toMatchObject([{ results: [{ num_model_requests: 1, input_tokens: 0, output_tokens: 0 }] }])
  })

  test('a success at the third try is billed for that try', async () => {
    many.provider.onCall = (response) =>
      many.provider.calls.length < 3
        ? sendJson(response, 503, completion('x'))
        : sendJson(response, 200, completion('x'))
    const model = many.fresh()
    expect((await many.chat(model)).status).toBe(200)
    expect(await many.ledger(model)).toMatchObject([
      { outcome: 'ok', attempts: 3, prompt_tokens: 3, completion_tokens: 2, is_estimated: false },
    ])
  })

  test('a stream that broke when something was seen is not begun again', async () => {
    many.provider.onCall = breakAfter(EVENTS, chunk('a'))
    const model = many.fresh()
    await (await many.chat(model, { stream: true })).text()
    expect(many.provider.calls).toHaveLength(1)
    expect(await many.ledger(model)).toMatchObject([{ outcome: 'failed', attempts: 1, completion_tokens: 1 }])
  })
})

test.each([
  ['retry-after', '17'],
  ['retry-after', 'Wed, 21 Oct 2037 07:28:00 GMT'],
  ['retry-after-ms', '60000'],
])('when to come again reaches the client as it was said: %s: %s [L-022]', async (name, value) => {
  many.provider.onCall = refuse(429, { [name]: value })
  for (const stream of [false, true]) {
    const answer = await many.chat(many.fresh(), { stream })
    expect([answer.status, answer.headers.get(name)]).toEqual([429, value])
  }
})

test.each([
  ['-5', 429],
  ['soon', 429],
  ['1e99', 429],
  ['', 429],
])('a time that is none (%j) does no harm [L-042]', async (value, status) => {
  many.provider.onCall = refuse(429, { 'retry-after': value })
  expect((await many.chat(many.fresh())).status).toBe(status)
})

describe('who leaves stops the provider, and it is one row [L-032 L-027]', () => {
  const leaves = async (onCall: OnCall, stream: boolean) => {
    const model = many.fresh()
    const leaving = new AbortController()
    many.provider.onCall = onCall
    const answer = many.chat(model, { stream }, leaving.signal).catch(() => undefined)
    return { model, leaving, answer }
  }
  const takes = async () => {
    const since = performance.now()
    await many.provider.calls[0]!.left
    return performance.now() - since
  }
  const isAsked = () => until(() => many.provider.calls.length > 0)

  test.each<[string, OnCall, boolean]>([
    ['before the head', () => undefined, false],
    ['before the head of a stream', () => undefined, true],
    [
      'before the first byte of a stream',
      (response) => response.writeHead(200, { 'content-type': EVENTS }).flushHeaders(),
      true,
    ],
    [
      'in the middle of an answer',
      (response) => response.writeHead(200, { 'content-type': 'application/json' }).write('{"id":'),
      false,
    ],
  ])('%s', async (_when, onCall, stream) => {
    const { model, leaving, answer } = await leaves(onCall, stream)
    await isAsked()
    leaving.abort()
    await takes()
    await answer
    expect(await many.ledger(model)).toMatchObject([{ outcome: 'cancelled', status: 499, attempts: 1 }])
    expect(many.provider.calls).toHaveLength(1)
  })

  test('in the middle of a stream: what came is counted', async () => {
    const { model, leaving, answer } = await leaves(
      (response) => response.writeHead(200, { 'content-type': EVENTS }).write(chunk('abcdefgh')),
      true,
    )
    await (await answer)!.body!.getReader().read()
    leaving.abort()
    await takes()
    expect(await many.ledger(model)).toMatchObject([{ outcome: 'cancelled', completion_tokens: 2, is_estimated: true }])
  })

  test('just before the end: the bill is the provider’s own', async () => {
    let end = () => {}
    const { model, leaving, answer } = await leaves((response) => {
      response.writeHead(200, { 'content-type': EVENTS }).write(chunk('a', 'stop'))
      const usage = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 }
      end = () => void response.end(`data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`)
    }, true)
    await (await answer)!.body!.getReader().read()
    leaving.abort()
    end()
    expect(await many.ledger(model)).toMatchObject([{ prompt_tokens: 5, completion_tokens: 7, is_estimated: false }])
  })

  test('between two tries: there is no other', async () => {
    const leaving = new AbortController()
    const model = many.fresh()
    many.provider.onCall = (response) => {
      sendJson(response, 500, {})
      setImmediate(() => leaving.abort())
    }
    await many.chat(model, {}, leaving.signal).catch(() => undefined)
    expect(await many.ledger(model)).toMatchObject([{ outcome: 'cancelled' }])
    expect(many.provider.calls.length).toBeLessThan(3)
  })
})

describe('the credentials of who asks stay here [L-043]', () => {
  test.each(['user', 'key', 'key as bearer'])('as a %s', async (kind) => {
    const made = await call(many.service, 'POST', '/auth/api-keys', { headers: many.ann, json: { name: kind } })
    const secret = kind === 'user' ? many.ann.authorization.slice(7) : String(made.json.key)
    const sent = kind === 'key' ? { 'x-api-key': secret } : { authorization: `Bearer ${secret}` }
    many.provider.onCall = events(chunk('a', 'stop'))
    const answer = await fetch(`${many.service.url}/v1/chat/completions?api_key=${secret}`, {
      method: 'POST',
      headers: {
        ...sent,
        cookie: `token=${secret}`,
        'proxy-authorization': secret,
        'x-forwarded-access-token': secret,
        traceparent: 'odd',
      },
      body: JSON.stringify({ model: many.fresh(), messages: [{ role: 'user', content: 'hi' }], stream: true }),
    })
    expect(answer.status).toBe(200)
    const [{ headers, path }] = [many.provider.calls[0]!]
    expect(headers.authorization).toBe('Bearer provider-key')
    expect(path + JSON.stringify(headers) + JSON.stringify(jsonOf(many.provider.calls[0]!))).not.toContain(secret)
  })
})

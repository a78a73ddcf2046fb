import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { type Booted, bootLlmApi, call } from './boot.ts'
import { beginStream, chunk, completion, type FakeProvider, sendJson, startFakeProvider } from './fake-provider.ts'

/**
 * Two places that serve the same models, of which the first is asked first and the second only in need. Each test takes
 * a model of its own, whose places nobody has tried before.
 */
let [first, second]: FakeProvider[] = []
let folder: string
let service: Booted
let ann: { authorization: string }
let taken = 0

const SHARED = Array.from({ length: 40 }, (_, index) => `shared-${index}`)
const LONELY = Array.from({ length: 10 }, (_, index) => `lonely-${index}`)

beforeAll(async () => {
  first = await startFakeProvider()
  second = await startFakeProvider()
  const gone = await startFakeProvider()
  await gone.close()
  folder = mkdtempSync(join(tmpdir(), 'jan-routing-'))
  const place = (name: string, { url }: FakeProvider, models: Record<string, unknown>[]) => ({
    name,
    type: 'custom',
    url,
    sync_models: false,
    models,
  })
  const named = (ids: string[], more: Record<string, unknown>) => ids.map((id) => ({ id, ...more }))
  const places = [
    place('first', first, [...named(SHARED, { weight: 1 }), ...named(LONELY, {}), { id: 'short', longer: 'long' }]),
    place('second', second, [...named(SHARED, { weight: 0 }), { id: 'half-gone', weight: 0 }, { id: 'long' }]),
    place('gone', gone, [{ id: 'half-gone', weight: 1 }]),
  ]
  const file = join(folder, 'providers.yml')
  writeFileSync(file, JSON.stringify({ providers: { default: places } }))
  service = await bootLlmApi({
    JAN_PROVIDER_CONFIGS: 'true',
    JAN_PROVIDER_CONFIGS_FILE: file,
    MODEL_RETRY_MAX_WAIT: '1s',
    MODEL_HEAD_TIMEOUT: '1s',
    MODEL_FIRST_TOKEN_TIMEOUT: '1s',
  })
  ann = await service.as('ann')
})
afterEach(() => {
  taken += 1
  for (const provider of [first!, second!]) provider.calls.length = 0
})
afterAll(async () => {
  await service.close()
  await first!.close()
  await second!.close()
  rmSync(folder, { recursive: true })
})

const shared = () => SHARED[taken]!
const lonely = () => LONELY[taken % LONELY.length]!

const messages = [{ role: 'user', content: 'hi' }]
const ask = (model: string) =>
  call(service, 'POST', '/v1/chat/completions', { headers: ann, json: { model, messages } })
const stream = (model: string, signal: AbortSignal | null = null) =>
  fetch(`${service.url}/v1/chat/completions`, {
    method: 'POST',
    headers: ann,
    signal,
    body: JSON.stringify({ model, messages, stream: true }),
  })

const answers = (provider: FakeProvider, text = 'hello') => {
  provider.onChat = (response) => sendJson(response, 200, completion(text))
}
const refuses = (provider: FakeProvider, status: number, headers: Record<string, string> = {}) => {
  provider.onChat = (response) => sendJson(response, status, { error: { message: 'no' } }, headers)
}
const servedBy = ({ headers }: { headers: Headers }) => [headers.get('x-jan-provider'), headers.get('x-jan-attempts')]
const counts = () => [first!.calls.length, second!.calls.length]

describe('another place answers [L-021 L-025]', () => {
  test.each<[string, FakeProvider['onChat']]>([
    ['resets the connection', (response) => response.socket?.resetAndDestroy()],
    ['answers 500', (response) => sendJson(response, 500, {})],
    ['answers 503', (response) => sendJson(response, 503, {})],
    ['answers 408', (response) => sendJson(response, 408, {})],
    ['answers 429', (response) => sendJson(response, 429, {}, { 'retry-after': '30' })],
    ['does not take our key', (response) => sendJson(response, 401, {})],
    ['knows no such model', (response) => sendJson(response, 404, {})],
    ['answers with a page', (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>hi</h1>')],
    ['breaks off', (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":')],
    ['says nothing', () => undefined],
  ])('when the first %s', async (_what, onChat) => {
    const model = shared()
    first!.onChat = onChat
    answers(second!)
    const answer = await ask(model)
    expect([answer.status, servedBy(answer)]).toEqual([200, ['second', '2']])
    expect(counts()).toEqual([1, 1])
  })

  test('when nobody listens at the first', async () => {
    answers(second!)
    expect(servedBy(await ask('half-gone'))).toEqual(['second', '2'])
  })

  test('of a stream, as long as nothing of it was seen', async () => {
    const model = shared()
    first!.onChat = (response) => {
      beginStream(response)
      response.socket?.resetAndDestroy()
    }
    second!.onChat = (response) => {
      beginStream(response)
      response.end(`${chunk('a', 'stop')}data: [DONE]\n\n`)
    }
    const broken = await stream(model)
    expect([broken.status, servedBy(broken), await broken.text()]).toEqual([
      200,
      ['second', '2'],
      `${chunk('a', 'stop')}data: [DONE]\n\n`,
    ])
    // Begun, and then silent: the first token has a time limit of its own [L-026]
    first!.onChat = beginStream
    const silent = await stream(model)
    expect([servedBy(silent), (await silent.text()).includes('"a"')]).toEqual([['second', '2'], true])
  })
})

test('a stream of which something was seen is told to have broken, and nobody else is asked [L-021 L-031]', async () => {
  const model = shared()
  first!.onChat = (response) => {
    beginStream(response)
    response.write(chunk('a'), () => response.socket?.resetAndDestroy())
  }
  answers(second!)
  const text = await (await stream(model)).text()
  expect(text).toContain('event: error')
  expect(text).not.toContain('[DONE]')
  expect(counts()).toEqual([1, 0])
})

test.each([400, 413, 422])('what the client did wrong (%i) is told at once [L-021]', async (status) => {
  const model = shared()
  refuses(first!, status)
  const answer = await ask(model)
  expect([answer.status, answer.json.message, counts()]).toEqual([status, 'no', [1, 0]])
  expect(answer.headers.get('x-jan-attempts')).toBe('1')
})

describe('one place', () => {
  test('that fails is tried three times, and the client hears of it once [L-021 L-027]', async () => {
    const model = lonely()
    refuses(first!, 500)
    const answer = await ask(model)
    expect([answer.status, answer.headers.get('x-jan-attempts'), counts()[0]]).toEqual([502, '3', 3])
  })

  test('that fails once answers at the second try', async () => {
    const model = lonely()
    first!.onChat = (response) => {
      answers(first!)
      sendJson(response, 503, {})
    }
    expect(servedBy(await ask(model))).toEqual(['first', '2'])
  })

  test('that asks for a moment gets it, and one that asks for longer is not waited for [L-022]', async () => {
    const model = lonely()
    first!.onChat = (response) => {
      answers(first!)
      sendJson(response, 429, {}, { 'retry-after-ms': '50' })
    }
    expect(servedBy(await ask(model))).toEqual(['first', '2'])
    refuses(first!, 429, { 'retry-after': '7' })
    first!.calls.length = 0
    const answer = await ask(model)
    expect([answer.status, answer.headers.get('retry-after'), counts()[0]]).toEqual([429, '7', 1])
  })

  test('that took too long is not asked again', async () => {
    const model = lonely()
    first!.onChat = () => undefined
    const answer = await ask(model)
    expect([answer.status, counts()[0]]).toEqual([504, 1])
  })

  test('is not asked again for a client that has left', async () => {
    const leaving = new AbortController()
    first!.onChat = (response) => {
      leaving.abort()
      sendJson(response, 500, {})
    }
    await stream(lonely(), leaving.signal).catch(() => undefined)
    await first!.calls[0]!.left
    answers(first!)
    taken += 1
    await ask(lonely())
    expect(counts()[0]).toBe(2)
  })
})

test('a place that keeps failing is left alone for a while [L-023]', async () => {
  const model = shared()
  refuses(first!, 500)
  answers(second!)
  for (let count = 0; count < 5; count += 1) expect((await ask(model)).status).toBe(200)
  expect(counts()).toEqual([3, 5])
})

test('a request that is too long goes to the longer model, and only that one [L-024]', async () => {
  const tooLong = { error: { message: 'maximum context length is 8 tokens', code: 'context_length_exceeded' } }
  first!.onChat = (response) => sendJson(response, 400, tooLong)
  answers(second!)
  const answer = await ask('short')
  expect([answer.status, servedBy(answer), second!.calls[0]!.json.model]).toEqual([200, ['second', '2'], 'long'])
  second!.onChat = (response) => sendJson(response, 400, tooLong)
  const refused = await ask('short')
  expect([refused.status, (refused.json.error as { code: string }).code]).toEqual([400, 'context_length_exceeded'])
})

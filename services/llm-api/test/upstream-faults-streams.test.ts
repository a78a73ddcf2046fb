import { setImmediate as tick } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { chunk } from './fake-provider.ts'
import { breakAfter, events, jsonOf, type OnCall } from './fixtures/any-provider.ts'
import { lateError, type ManyModels, startManyModels } from './fixtures/many-models.ts'

/** What a provider may do to a stream. */
let many: ManyModels
beforeAll(async () => {
  many = await startManyModels()
})
beforeEach(() => {
  many.provider.calls.length = 0
})
afterAll(() => many.close())

const DONE = 'data: [DONE]\n\n'
const USAGE = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 }
const event = (json: unknown) => `data: ${JSON.stringify(json)}\n\n`
const onlyUsage = event({ id: 'x', object: 'chat.completion.chunk', choices: [], usage: USAGE })

async function stream(onCall: OnCall, more: Record<string, unknown> = {}) {
  many.provider.onCall = onCall
  const model = many.fresh()
  const answer = await many.chat(model, { stream: true, ...more })
  return { model, status: answer.status, text: Buffer.from(await answer.arrayBuffer()).toString() }
}

describe('a stream arrives byte for byte [L-031 L-042 W-011 W-056]', () => {
  const lines = `: hello\n\n${chunk('süß 👩‍🚀')}id: 7\nretry: 10\nevent: vendor\ndata: {"choices":[],\ndata: "zero":0,"nothing":null,"deep":[{"x":false}]}\n\n${chunk('', 'stop')}`
  const ends = [['LF', '\n'] as const, ['CRLF', '\r\n'] as const, ['CR', '\r'] as const]

  test.each(ends)('with comments, ids and unknown fields, lines ending in %s', async (_name, end) => {
    const text = (lines + DONE).replaceAll('\n', end)
    expect(await stream(events(text))).toMatchObject({ status: 200, text })
  })

  test.each(ends)('cut at every byte, lines ending in %s', async (_name, end) => {
    const bytes = Buffer.from((lines + DONE).replaceAll('\n', end))
    const answer = await stream(async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const byte of bytes) {
        response.write(Uint8Array.of(byte))
        await tick()
      }
      response.end()
    })
    expect(answer).toMatchObject({ status: 200, text: bytes.toString() })
  })

  test.each([
    ['no end mark', lines, lines + DONE],
    ['no end mark and no last blank line', lines.slice(0, -2), lines + DONE],
    ['an end mark without a space', `${lines}data:[DONE]\n\n`, `${lines}data:[DONE]\n\n`],
    ['an end mark without a blank line', `${lines}data: [DONE]\n`, `${lines}data: [DONE]\n`],
    ['more behind the end mark', `${lines}${DONE}${chunk('late')}`, `${lines}${DONE}`],
  ])('that ends with %s', async (_how, sent, seen) => {
    expect(await stream(events(sent))).toMatchObject({ status: 200, text: seen })
  })

  test.each(['data: [DONE]\n\n', 'data:[DONE]\r\n\r\n', 'data: [DONE]\r\r'])(
    'whose connection stays open behind %j: nobody waits for more',
    async (mark) => {
      let hold: unknown
      const answer = await stream((response, { left }) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write(lines + mark)
        hold = left
      })
      expect([answer.status, answer.text.startsWith(lines + mark), answer.text.includes('error')]).toEqual([
        200,
        true,
        false,
      ])
      await hold
    },
  )

  test('whose content type is written in its own way', async () => {
    const answer = await stream((response) =>
      response.writeHead(200, { 'content-type': 'Text/Event-Stream;Charset=UTF-8' }).end(lines + DONE),
    )
    expect(answer).toMatchObject({ status: 200, text: lines + DONE })
  })
})

test('two calls of tools whose fragments alternate arrive as they came [L-031 L-042]', async () => {
  const part = (index: number, call: object) =>
    event({ choices: [{ index: 0, delta: { tool_calls: [{ index, ...call }] }, finish_reason: null }] })
  const args = (index: number, text: string) => part(index, { function: { arguments: text } })
  const text = [
    part(0, { id: 'call_a', type: 'function', function: { name: 'one', arguments: '' } }),
    part(1, { id: 'call_b', type: 'function', function: { name: 'two', arguments: '' } }),
    args(1, '{"b"'),
    args(0, '{"a"'),
    args(1, ':2'),
    args(0, ':1}'),
    args(1, '}'),
    event({ choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] }),
    DONE,
  ].join('')
  expect(await stream(events(text))).toMatchObject({ status: 200, text })
})

describe('usage [L-033]', () => {
  const told = { prompt_tokens: 5, completion_tokens: 7, is_estimated: false, outcome: 'ok' }
  const finishWithUsage = event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage: USAGE })
  const nulls = event({ choices: [{ index: 0, delta: { content: 'a' } }], usage: null })
  const filters = event({ choices: [], prompt_filter_results: [], usage: null })

  test.each<[string, boolean | undefined, string, string]>([
    ['asked for', true, chunk('a', 'stop') + onlyUsage, chunk('a', 'stop') + onlyUsage],
    ['not asked for', undefined, chunk('a', 'stop') + onlyUsage, chunk('a', 'stop')],
    ['not wanted', false, chunk('a', 'stop') + onlyUsage, chunk('a', 'stop')],
    ['on the finish, not asked for', undefined, chunk('a') + finishWithUsage, chunk('a') + finishWithUsage],
    [
      'beside empty choices that say more',
      undefined,
      filters + nulls + finishWithUsage,
      filters + nulls + finishWithUsage,
    ],
    [
      'in lines that end in CRLF',
      undefined,
      (chunk('a', 'stop') + onlyUsage).replaceAll('\n', '\r\n'),
      chunk('a', 'stop').replaceAll('\n', '\r\n'),
    ],
  ])('%s is in the ledger, and seen by who asked', async (_how, include_usage, sent, seen) => {
    const options = include_usage === undefined ? {} : { stream_options: { include_usage, vendor: 0 } }
    const answer = await stream(events(sent + DONE), options)
    expect(answer.text).toBe(seen + DONE)
    expect(jsonOf(many.provider.calls[0]!).stream_options).toEqual({ ...options.stream_options, include_usage: true })
    expect(await many.ledger(answer.model)).toMatchObject([told])
  })
})

describe('an error of the provider in the middle [L-031 L-042]', () => {
  const failure = { message: 'out of memory', type: 'server_error', code: 500 }
  const inChunk = { id: 'x', choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }], error: failure }

  test.each([
    ['as an object', chunk('a') + event({ error: failure })],
    ['as an event', `${chunk('a')}event: error\n${event({ message: 'no' })}`],
    ['in a chunk', chunk('a') + event(inChunk)],
    ['as a text', chunk('a') + event({ error: 'out of memory' })],
    ['as a type', chunk('a') + event({ type: 'error', message: 'no' })],
    ['behind a finish', chunk('a', 'stop') + event({ error: failure })],
  ])('%s is relayed, nothing is made of it, and it is a failure in the ledger', async (_how, text) => {
    const answer = await stream(events(text))
    expect(answer).toMatchObject({ status: 200, text })
    expect(await many.ledger(answer.model)).toMatchObject([{ outcome: 'failed', attempts: 1 }])
  })

  test.each<[string, unknown, number]>([
    ['of its own', failure, 502],
    ['of the client', { message: 'no such size', code: 400 }, 400],
    ['without a number', 'out of memory', 502],
  ])('at the very first is a status after all: a fault %s [L-021]', async (_whose, error, status) => {
    const answer = await stream(events(event({ error })))
    expect(answer.status).toBe(status)
    expect(await many.ledger(answer.model)).toMatchObject([{ outcome: 'failed', status }])
  })

  test('at the very first that is no JSON is the fault of the provider [L-021]', async () => {
    expect((await stream(events('data: {"error": {no}\n\n'))).status).toBe(502)
  })

  test('is not followed by [DONE], even when the provider sends it', async () => {
    const text = chunk('a') + event({ error: failure })
    expect(await stream(events(text + DONE))).toMatchObject({ status: 200, text })
  })

  test('text that speaks of errors is none', async () => {
    const text =
      chunk('data: {"error":{}} "finish_reason":"error"', 'stop') + event({ choices: [], error: null }) + DONE
    const answer = await stream(events(text))
    expect(answer.text).toBe(text)
    expect(await many.ledger(answer.model)).toMatchObject([{ outcome: 'ok' }])
  })
})

describe('a stream that breaks ends in an error event and never in [DONE], behind all that came [L-031 L-042 W-010]', () => {
  const three = chunk('1') + chunk('2') + chunk('3')
  const ten = Array.from({ length: 10 }, (_, at) => chunk(`token ${at}`)).join('')

  test.each<[string, OnCall, string]>([
    ['a reset after three chunks', breakAfter('text/event-stream', three), three],
    ['a reset after ten chunks in one packet', breakAfter('text/event-stream', ten), ten],
    ['a reset in the fourth chunk', breakAfter('text/event-stream', `${three}data: {"id`), three],
    ['an end without a finish', events(three), three],
    ['an end in the fourth chunk', events(`${three}data: {"choices":[{"finish_rea`), three],
    [
      'chunks that end in the middle',
      (response) =>
        void response.socket?.end(
          `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n${three.length.toString(16)}\r\n${three}\r\n`,
        ),
      three,
    ],
    [
      'chunks that are none',
      (response) =>
        void response.socket?.end(
          `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n${three.length.toString(16)}\r\n${three}\r\nzz\r\n`,
        ),
      three,
    ],
    [
      'less than its length',
      (response) =>
        void response.socket?.end(
          `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n${three}`,
        ),
      three,
    ],
    ['silence', (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).write(three), three],
    [
      'silence in the middle of an event',
      (response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`${three}data: {"x`),
      three,
    ],
  ])('%s', async (_how, onCall, came) => {
    const answer = await stream(onCall)
    expect([answer.status, answer.text.startsWith(came)]).toEqual([200, true])
    expect(lateError(answer.text)).toMatchObject({ error: { type: 'upstream_error' }, request_id: expect.any(String) })
    expect(answer.text.indexOf('event: error')).toBe(came.length)
    expect(await many.ledger(answer.model)).toMatchObject([{ outcome: 'failed', is_estimated: true }])
  })
})

describe('a provider that sends a byte now and then', () => {
  test('is waited for, as long as something comes [L-042]', async () => {
    const text = chunk('a', 'stop') + DONE
    const answer = await stream(async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (let at = 0; at < text.length; at += 40) {
        response.write(text.slice(at, at + 40))
        await new Promise((done) => setTimeout(done, 300))
      }
      response.end()
    })
    expect(answer).toMatchObject({ status: 200, text })
  })

  test('is let go as soon as the client leaves [L-032 L-042]', async () => {
    const leaving = new AbortController()
    let timer: NodeJS.Timeout | undefined
    many.provider.onCall = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(chunk('a'))
      timer = setInterval(() => response.write(':'), 20)
    }
    const answer = await many.chat(many.fresh(), { stream: true }, leaving.signal)
    await answer.body!.getReader().read()
    leaving.abort()
    await many.provider.calls[0]!.left
    clearInterval(timer)
  })
})

import { describe, expect, test } from '@jest/globals'
import { relayEvents } from './relay-events.ts'

async function* pieces(...parts: (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield Buffer.from(part)
}

async function relayed(...parts: (string | Buffer)[]): Promise<string[]> {
  const seen = []
  for await (const piece of relayEvents(pieces(...parts))) seen.push(piece.toString())
  return seen
}

describe.each([
  ['LF', 'data: {"a":"ü🌍"}\n\n: note\n\ndata: [DONE]\n\n'],
  ['CRLF', 'data: {"a":"ü🌍"}\r\n\r\n: note\r\n\r\ndata: [DONE]\r\n\r\n'],
  ['CR', 'data: {"a":"ü🌍"}\r\r: note\r\rdata: [DONE]\r\r'],
  ['no space and no last blank line', 'data:{"a":"ü🌍"}\n\ndata:[DONE]'],
])('%s', (_name, text) => {
  const bytes = Buffer.from(text)

  test('cut anywhere, the bytes stay the same and each piece ends an event', async () => {
    for (let at = 0; at <= bytes.length; at += 1) {
      const seen = await relayed(bytes.subarray(0, at), bytes.subarray(at))
      expect(seen.join('')).toBe(text)
      for (const piece of seen.slice(0, -1)) expect(piece).toMatch(/(\n\n|\r\n\r\n|\r\r)$/)
    }
  })

  test('byte by byte too', async () => {
    expect((await relayed(...[...bytes].map((byte) => Buffer.of(byte)))).join('')).toBe(text)
  })
})

test.each([
  ['nothing', []],
  ['an event without a finish', ['data: {"choices":[{"delta":{},"finish_reason":null}]}\n\n']],
  ['text that speaks of a finish', ['data: {"delta":"\\"finish_reason\\":\\"stop\\" data: [DONE]"}\n\n']],
  ['half an event', ['data: {"fin']],
])('%s is no end', async (_name, parts) => {
  await expect(relayed(...parts)).rejects.toMatchObject({ code: 'upstream_failed' })
})

test.each([
  ['an error object', 'data: {"error":{"message":"x"}}\n\n'],
  ['an error event', 'event: error\ndata: {}\n\n'],
])('%s is an end', async (_name, text) => {
  expect((await relayed(text)).join('')).toBe(text)
})

test.each([
  ['with its blank line', '\n\n', ''],
  ['without it', '', '\n\n'],
])('a finish %s is an end, and the end mark follows', async (_name, ending, added) => {
  const last = `data: {"choices":[{"finish_reason": "length"}]}${ending}`
  expect((await relayed(last)).join('')).toBe(`${last}${added}data: [DONE]\n\n`)
})

test('nothing is read after [DONE]', async () => {
  async function* endless() {
    yield Buffer.from('data: [DONE]\n\n')
    throw new Error('read on')
  }
  const seen = []
  for await (const piece of relayEvents(endless())) seen.push(piece)
  expect(seen).toHaveLength(1)
})

test('an event without end is not held for ever', async () => {
  async function* flood() {
    for (;;) yield Buffer.alloc(8_388_608, 'x')
  }
  await expect(relayEvents(flood()).next()).rejects.toThrow('too long')
})

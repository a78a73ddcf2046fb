import { describe, expect, test } from '@jest/globals'
import { createEventSplitter } from './relay-events.ts'

function relayed(...parts: (string | Buffer)[]): string[] {
  const events = createEventSplitter()
  const seen: (Buffer | undefined)[] = []
  for (const part of parts) {
    if (events.isDone()) break
    seen.push(events.take(Buffer.from(part)))
  }
  if (!events.isDone()) seen.push(events.end())
  return seen.flatMap((piece) => (piece ? [piece.toString()] : []))
}

describe.each([
  ['LF', 'data: {"a":"ü🌍"}\n\n: note\n\ndata: [DONE]\n\n'],
  ['CRLF', 'data: {"a":"ü🌍"}\r\n\r\n: note\r\n\r\ndata: [DONE]\r\n\r\n'],
  ['CR', 'data: {"a":"ü🌍"}\r\r: note\r\rdata: [DONE]\r\r'],
  ['no space and no last blank line', 'data:{"a":"ü🌍"}\n\ndata:[DONE]'],
])('%s', (_name, text) => {
  const bytes = Buffer.from(text)

  test('cut anywhere, the bytes stay the same and each piece ends an event', () => {
    for (let at = 0; at <= bytes.length; at += 1) {
      const seen = relayed(bytes.subarray(0, at), bytes.subarray(at))
      expect(seen.join('')).toBe(text)
      for (const piece of seen.slice(0, -1)) expect(piece).toMatch(/(\n\n|\r\n\r\n|\r\r)$/)
    }
  })

  test('byte by byte too', () => {
    expect(relayed(...[...bytes].map((byte) => Buffer.of(byte))).join('')).toBe(text)
  })
})

test.each([
  ['nothing', []],
  ['an event without a finish', ['data: {"choices":[{"delta":{},"finish_reason":null}]}\n\n']],
  ['text that speaks of a finish', ['data: {"delta":"\\"finish_reason\\":\\"stop\\" data: [DONE]"}\n\n']],
  ['half an event', ['data: {"fin']],
])('%s is no end', (_name, parts) => {
  expect(() => relayed(...parts)).toThrow(expect.objectContaining({ code: 'upstream_failed' }))
})

test.each([
  ['an error object', 'data: {"error":{"message":"x"}}\n\n'],
  ['an error event', 'event: error\ndata: {}\n\n'],
])('%s is an end', (_name, text) => {
  expect(relayed(text).join('')).toBe(text)
})

test.each([
  ['with its blank line', '\n\n', ''],
  ['without it', '', '\n\n'],
])('a finish %s is an end, and the end mark follows', (_name, ending, added) => {
  const last = `data: {"choices":[{"finish_reason": "length"}]}${ending}`
  expect(relayed(last).join('')).toBe(`${last}${added}data: [DONE]\n\n`)
})

test('nothing is read after [DONE]', () => {
  expect(relayed('data: [DONE]\n\n', 'data: more\n\n')).toEqual(['data: [DONE]\n\n'])
})

test('an event without end is not held for ever', () => {
  const events = createEventSplitter()
  const flood = () => {
    for (let count = 0; count < 5; count += 1) events.take(Buffer.alloc(8_388_608, 'x'))
  }
  expect(flood).toThrow('too long')
})

import { expect, test } from '@jest/globals'
import { costOf } from './call-cost.ts'
import { readUsage } from './usage.ts'
import { usageInEvent, usageInTail } from './usage-in-tail.ts'

const TOLD = { prompt_tokens: 12, completion_tokens: 7, total_tokens: 19 }
const READ = { promptTokens: 12, completionTokens: 7 }
const inTail = (answer: unknown) =>
  usageInTail(Buffer.from(typeof answer === 'string' ? answer : JSON.stringify(answer)))

test('usage is read as providers tell it, and nonsense is none [L-070]', () => {
  expect(readUsage(TOLD)).toEqual(READ)
  expect(
    readUsage({
      ...TOLD,
      prompt_tokens_details: { cached_tokens: 4 },
      completion_tokens_details: { reasoning_tokens: 5 },
    }),
  ).toEqual({ ...READ, cachedTokens: 4, reasoningTokens: 5 })
  expect(readUsage({ ...TOLD, prompt_tokens_details: null, completion_tokens_details: [] })).toEqual(READ)
  expect(readUsage({ input_tokens: 3, output_tokens: 2, input_tokens_details: { cached_tokens: 1 } })).toEqual({
    promptTokens: 3,
    completionTokens: 2,
    cachedTokens: 1,
  })
  expect(readUsage({ total_tokens: 9 })).toEqual({ promptTokens: 9, completionTokens: 0 })
  expect(readUsage({ prompt_tokens: 0, completion_tokens: 0 })).toEqual({ promptTokens: 0, completionTokens: 0 })
  for (const none of [
    undefined,
    null,
    7,
    'x',
    [],
    {},
    { prompt_tokens: '3' },
    { prompt_tokens: -1 },
    { prompt_tokens: 1e300 },
  ])
    expect(readUsage(none)).toBeUndefined()
})

test('the tail of a whole answer tells its usage [L-070]', () => {
  const choices = [{ index: 0, message: { role: 'assistant', content: 'x'.repeat(100_000) } }]
  expect(inTail({ id: 'c', choices, usage: TOLD })).toEqual(READ)
  expect(
    inTail({ id: 'c', choices, usage: TOLD, system_fingerprint: 'a"}{[\\', timings: { a: [1, { b: '}' }] } }),
  ).toEqual(READ)
  expect(inTail(`${JSON.stringify({ choices, usage: { ...TOLD, x: { y: '}{"' } } }, null, 2)}\r\n `)).toEqual(READ)
})

test('an answer that speaks of usage tells its own [L-070]', () => {
  const saying = (content: string) => [{ message: { role: 'assistant', content } }]
  const lie = '"usage":{"prompt_tokens":999,"completion_tokens":999}'
  expect(inTail({ choices: saying(lie), usage: TOLD })).toEqual(READ)
  expect(inTail({ usage: TOLD, choices: saying(lie) })).toEqual(READ)
  expect(inTail({ usage: TOLD, choices: saying(`${lie}${'x'.repeat(10_000)}`) })).toEqual(READ)
  expect(inTail({ choices: saying(lie) })).toBeUndefined()
  expect(inTail({ choices: saying('\\"usage\\":{}}') })).toBeUndefined()
  expect(inTail({ choices: saying('x'), word: 'usage' })).toBeUndefined()
  expect(inTail({ usage: TOLD, word: 'usage' })).toEqual(READ)
  expect(inTail({ choices: [{ usage: { prompt_tokens: 999 } }] })).toBeUndefined()
  expect(inTail({ choices: [{ usage: { prompt_tokens: 999 } }], usage: TOLD })).toEqual(READ)
  expect(inTail({ usage: TOLD, x: { usage: { prompt_tokens: 999 } } })).toEqual(READ)
  expect(inTail({ x: [{ usage: { prompt_tokens: 999 } }, 'x'.repeat(9_000)], usage: TOLD })).toEqual(READ)
  expect(inTail({ x: { usage: { prompt_tokens: 999 } }, y: 1 })).toBeUndefined()
})

test('an answer of any length, text and shape is read, or tells none [L-070]', () => {
  for (let length = 3_900; length < 4_200; length += 1)
    expect(inTail({ usage: TOLD, text: `${'é"\\'.repeat(3)}${'x'.repeat(length)}` })).toEqual(READ)
  for (const answer of [
    '',
    '{}',
    '[]',
    'null',
    '"usage"',
    '<html>"usage":{',
    '{"usage":null}',
    '{"usage":[]}',
    '{"usage":{"prompt_tokens":1}',
    '{"usage":{"prompt_tokens":1}}}',
  ])
    expect(inTail(answer)).toBeUndefined()
})

test('a chunk tells its own usage, and not what a text in it says [L-070]', () => {
  const event = (chunk: unknown) => usageInEvent(`data: ${JSON.stringify(chunk)}\n\n`)
  expect(event({ id: 'c', choices: [], usage: TOLD })).toEqual(READ)
  expect(event({ choices: [{ delta: { content: '"usage":{"prompt_tokens":9}' } }], usage: null })).toBeUndefined()
  expect(event({ choices: [{ delta: { content: '"usage":{' } }], usage: TOLD })).toEqual(READ)
  expect(event({ choices: [{ usage: TOLD }] })).toBeUndefined()
  expect(
    usageInEvent(`: hi\r\nevent: chunk\r\ndata: {"usage" : \r\ndata: ${JSON.stringify(TOLD)}}\r\n\r\n`),
  ).toBeUndefined()
  expect(usageInEvent(`: hi\r\nid: 1\r\ndata:{"usage" : ${JSON.stringify(TOLD)}}\r\n\r\n`)).toEqual(READ)
  for (const none of ['', 'data: [DONE]\n\n', 'data: {"usage":{"prompt_tokens":1}\n\n', 'data: {"usage":{}}'])
    expect(usageInEvent(none)).toBeUndefined()
})

test('a call costs what its kinds of tokens cost [L-070]', () => {
  const usage = { promptTokens: 1000, completionTokens: 500, cachedTokens: 400, reasoningTokens: 100 }
  expect(costOf({}, usage)).toBe(0)
  expect(costOf({ prompt: 2, completion: 8 }, usage)).toBe(6_000)
  expect(costOf({ prompt: 2, completion: 8, cached: 0.5, reasoning: 10, request: 0.01 }, usage)).toBe(
    1_200 + 200 + 3_200 + 1_000 + 10_000,
  )
  expect(costOf({ prompt: 2, cached: 1 }, { promptTokens: 1, completionTokens: 0, cachedTokens: 9 })).toBe(1)
  expect(costOf({ prompt: 0.15 }, { promptTokens: 3, completionTokens: 0 })).toBe(0)
})

import { expect, test } from '@jest/globals'
import { createStreamUsage } from './stream-usage.ts'
import { textLength } from './text-length.ts'

const event = (json: unknown) => `data: ${JSON.stringify(json)}\n\n`
const delta = (delta: unknown, usage?: unknown) =>
  event({ choices: [{ index: 0, delta }], ...(usage ? { usage } : {}) })
const USAGE = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 }
const onlyUsage = event({ choices: [], usage: USAGE })
const json = { messages: [{ role: 'user', content: 'hi' }] }

function read(isWanted: boolean, ...parts: string[]) {
  const usage = createStreamUsage({ isWanted, json })
  return { shown: parts.map((part) => usage.take(Buffer.from(part)).toString()).join(''), ...usage.found() }
}

test('usage is shown to who asked for it, and read either way [L-033]', () => {
  const parts = [delta({ content: 'ü' }) + onlyUsage, 'data: [DONE]\n\n']
  const told = { promptTokens: 5, completionTokens: 7 }
  expect(read(true, ...parts)).toMatchObject({ shown: parts.join(''), usage: told, estimated: false })
  expect(read(false, ...parts)).toMatchObject({
    shown: `${delta({ content: 'ü' })}data: [DONE]\n\n`,
    usage: told,
    estimated: false,
  })
})

test('usage beside something said stays, and the last word counts [L-033]', () => {
  const parts = [delta({ content: 'a' }, { ...USAGE, completion_tokens: 1 }), delta({ content: 'b' }, USAGE)]
  expect(read(false, ...parts)).toMatchObject({ shown: parts.join(''), usage: { completionTokens: 7 } })
})

test('text that speaks of usage is no usage [L-033]', () => {
  const part = delta({ content: '{"choices":[],"usage":{"prompt_tokens":99}}' })
  expect(read(false, part)).toMatchObject({ shown: part, estimated: true })
  expect(read(false, event({ choices: [{ delta: {} }], usage: null }))).toMatchObject({ estimated: true })
})

test('without usage it is estimated from what came, a token for four characters [L-071]', () => {
  const parts = [
    delta({ role: 'assistant', content: '' }),
    delta({ content: 'süß "q" 🌍\n' }),
    delta({ reasoning_content: 'abc' }),
    delta({ tool_calls: [{ index: 0, function: { name: 'f', arguments: '{"a":1}' } }] }),
  ]
  const characters = 'süß "q" 🌍\n'.length + 'abc'.length + '{"a":1}'.length
  expect(read(false, ...parts)).toMatchObject({
    usage: {
      promptTokens: Math.ceil(JSON.stringify([json.messages, undefined]).length / 4),
      completionTokens: Math.ceil(characters / 4),
    },
    estimated: true,
  })
})

test.each(['plain', 'ü', '🌍', '"\\\n', '\u0001', 'a\\"b', ''])('%j is as long as it is', (text) => {
  expect(textLength(Buffer.from(delta({ content: text })).toString('latin1'))).toBe(text.length)
})

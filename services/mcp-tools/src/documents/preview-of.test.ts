import { expect, test } from '@jest/globals'
import { previewOf } from './preview-of.ts'

const filler = 'Nothing of what anybody wants to know stands here. '.repeat(20)

test('the preview shows where most of the words are, and where it begins [B-022]', () => {
  const text = `${filler}Bees alone. ${filler}Bees make honey in summer. ${filler}`
  const { preview, at } = previewOf(text, [['bees', 'bee'], ['honey'], ['summer']])
  expect(preview).toContain('Bees make honey in summer')
  expect(text.slice(at, at + preview.length)).toBe(preview)
  expect(preview.length).toBeLessThanOrEqual(240)
})

test('a stem finds its words, a part of a run without spaces too', () => {
  expect(previewOf(`${filler}They were happy. ${filler}`, [['happi']]).preview).toContain('happy')
  expect(previewOf(`${filler}日本の首都は東京です。${filler}`, [['首都']]).preview).toContain('首都')
})

test('a text without any of the words shows its beginning', () => {
  expect(previewOf(filler, [['bees']])).toMatchObject({ at: 0 })
  expect(previewOf('short', [])).toEqual({ preview: 'short', at: 0 })
})

test('a long text full of words that were asked for is shown in no time', () => {
  const asked = Array.from({ length: 24 }, () => ['a', 'aa', 'aaa', 'aaaa', 'aaaaa', 'aaaaaa'])
  const started = performance.now()
  const { preview } = previewOf('aaaaaaaa '.repeat(20_000), asked)
  expect(performance.now() - started).toBeLessThan(2_000)
  expect(preview).toMatch(/^aaaaaaaa /)
})

import { expect, test } from '@jest/globals'
import { codePoints } from './plain-text.ts'
import { titleOf, titleOfItems } from './title-of.ts'

test('a title is the first 60 characters, cut between words [L-037 W-038]', () => {
  expect(titleOf('Hello')).toBe('Hello')
  expect(titleOf('  How\n\tdo   I\0bake\r\nbread? ')).toBe('How do I bake bread?')
  const long = 'The quick brown fox jumps over the lazy dog while everybody watches it'
  expect(titleOf(long)).toBe('The quick brown fox jumps over the lazy dog while everybody')
  expect(titleOf('x'.repeat(60))).toBe('x'.repeat(60))
  expect(titleOf('x'.repeat(61))).toBe('x'.repeat(60))
  for (const nothing of ['', ' \n\t ', '\0']) expect(titleOf(nothing)).toBeUndefined()
})

test('no character is torn, and no word of languages without spaces [L-037 L-060 W-038]', () => {
  const family = '👨‍👩‍👧‍👦'
  expect(titleOf(family.repeat(20))).toBe(family.repeat(8))
  expect(titleOf('🇩🇪'.repeat(40))).toBe('🇩🇪'.repeat(30))
  const accents = 'e\u0301'.repeat(40)
  expect(titleOf(accents)).toBe('e\u0301'.repeat(30))
  expect(titleOf('می‌خواهم بروم')).toBe('می‌خواهم بروم')
  const japanese = '今日は世界の天気について話しましょう。'.repeat(10)
  const title = titleOf(japanese)!
  expect(japanese.startsWith(title)).toBe(true)
  expect(codePoints(title)).toBeGreaterThan(50)
  for (const text of [japanese, `${'🎉'.repeat(3000)}`, `e${'\u0301'.repeat(5000)}`, `a\ud83d${'x '.repeat(90)}`]) {
    expect(codePoints(titleOf(text)!)).toBeLessThanOrEqual(60)
    expect(titleOf(text)!.isWellFormed()).toBe(true)
  }
})

test('the first text of a user gives the title, beside images and after instructions [L-037 W-038]', () => {
  const image = { type: 'input_image', image_url: 'https://a' }
  expect(
    titleOfItems([
      { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'Be kind' }] },
      { type: 'message', role: 'user', content: [image] },
      { type: 'message', role: 'user', content: [image, { type: 'input_text', text: 'What is this?' }] },
    ]),
  ).toBe('What is this?')
  expect(titleOfItems([{ type: 'message', role: 'user', content: 'plain' }])).toBe('plain')
  expect(titleOfItems([{ type: 'message', role: 'user', content: [image] }])).toBeUndefined()
})

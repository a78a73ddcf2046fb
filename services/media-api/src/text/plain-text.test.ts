import { expect, test } from '@jest/globals'
import { cleanText, cutText, tidyText } from './plain-text.ts'

test('text is NFC, ends its lines with \\n and holds no control characters but tabs', () => {
  expect(cleanText('\uFEFFa\r\nb\rc\fd\te\u0301\u0000\u001b[1m\u0085f\u2028g')).toBe('a\nb\nc\nd\té[1m\nf\ng')
  expect(Buffer.from(cleanText('a\ud800b')).toString()).toBe('a\ufffdb')
})

test('text that was laid out has no blank ends and no wide gaps', () => {
  expect(tidyText('\n\n a  \n\n\n\nb\t\n')).toBe('a\n\nb')
})

test('text is cut between two characters', () => {
  expect(cutText('aü', 3)).toEqual({ text: 'aü', truncated: false })
  expect(cutText('aü', 2)).toEqual({ text: 'a', truncated: true })
  expect(cutText('a😀', 4)).toEqual({ text: 'a', truncated: true })
  expect(cutText('a', 0)).toEqual({ text: '', truncated: true })
})

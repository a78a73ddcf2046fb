import { describe, expect, test } from '@jest/globals'
import { compileGlob, compileRegex } from './linear-pattern.ts'

describe('patterns of rules [B-043]', () => {
  test.each([
    ['*', '', true],
    ['github__*', 'github__issue_read', true],
    ['github__*', 'gitlab__issue', false],
    ['*_delete', 'x_delete_all', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['https://*.example.com/*', 'https://docs.example.com/a\nb', true],
    ['https://*.example.com/*', 'https://example.com/', false],
    ['a.c', 'abc', false],
    ['(x)+', '(x)+', true],
    ['?', '😀', true],
    ['aba*aba', 'abaaba', true],
    ['aba*aba', 'ababa', false],
    ['*ab*b', 'ab', false],
    ['*ab*b', 'xabab', true],
    ['a**c', 'abc', true],
    ['', 'a', false],
  ])('the glob %s on %s is %s', (glob, text, fits) => {
    expect(compileGlob(glob)(text)).toBe(fits)
  })

  const SAME = [
    'abc',
    'a|b|',
    'a(b|c)*d',
    '(?:ab)+',
    'a{2,3}b?',
    '[a-c]{2}',
    'x{3,}',
    '[^\\]a]+',
    '\\d+\\.\\w*',
    '(a*)*b',
    '((a|b)c?)+',
    '.*x',
    '\\p{Lu}\\s?.',
    '(a|ab)(c|bcd)(d*)',
    '()a',
  ]
  const TEXTS = [
    '',
    'a',
    'b',
    'ab',
    'abc',
    'abcd',
    'aab',
    'aaab',
    'acbd',
    'abab',
    'xxx',
    'xxxx',
    '1.x',
    '12.',
    'Éx',
    'É é',
  ]
  test.each(SAME)('the pattern %s is read as JavaScript reads it, about the whole text', (source) => {
    for (const ignoreCase of [false, true])
      expect(TEXTS.map(compileRegex(source, { ignoreCase }))).toEqual(
        TEXTS.map((text) => new RegExp(`^(?:${source})$`, ignoreCase ? 'isu' : 'su').test(text)),
      )
  })

  test.each(['(a+)+', '(a|a)*', '(a|aa)+', '(.*)*', 'a*a*a*a*a*a*', '(a?){30}(a){30}', '(.*a){20}'])(
    'the pattern %s cannot hang',
    (source) => {
      const matches = compileRegex(source)
      const began = performance.now()
      expect(matches(`${'a'.repeat(4_000)}!`)).toBe(source.startsWith('(.*)'))
      expect(performance.now() - began).toBeLessThan(2_000)
    },
  )

  test.each([
    ['^a', "'^' is not understood here at character 1"],
    ['a$', "'$' is not understood here at character 2"],
    ['(?=a)a', 'at character 1'],
    ['(?<x>a)', 'at character 1'],
    ['(a)\\1', "'\\' is not understood here at character 4"],
    ['\\ba', 'at character 1'],
    ['(a', 'expected )'],
    ['a)', "')' without '('"],
    ['*a', 'at character 1'],
    ['a**', 'at character 3'],
    ['[b-a]', 'Range out of order'],
    ['a{5,2}', 'too much'],
    ['(a{900}){900}', 'too much'],
    ['a{900}b{900}', 'too large'],
    ['x'.repeat(501), 'longer than 500'],
  ])('the pattern %s is refused with words', (source, words) => {
    expect(() => compileRegex(source)).toThrow(words)
    expect(() => compileRegex(source)).toThrow(SyntaxError)
  })
})

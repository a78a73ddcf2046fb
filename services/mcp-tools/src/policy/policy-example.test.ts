import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { compileConditions } from './argument-conditions.ts'

const file = readFileSync(new URL('../../../../config/tool-policy.yml', import.meta.url), 'utf8')

test('the example of an address in the file of rules allows its host and no other [B-043]', () => {
  const [, regex] = /\{\/url: \{regex: '([^']+)'\}\}/.exec(file)!
  const allows = compileConditions({ '/url': { regex: regex!, ignore_case: false } }, true)
  const judged = [
    'https://example.com/',
    'https://docs.example.com/a?b=c',
    'https://evil.net/x.example.com/y',
    'https://evil.net#.example.com/',
    'https://user@example.com/',
    'https://example.com.evil.net/',
    'https://badexample.com/',
    'http://example.com/',
  ].map((url) => allows({ url }))
  expect(judged).toEqual([true, true, false, false, false, false, false, false])
})

import { expect, test } from '@jest/globals'
import { dataUrlLength, parseDataUrl } from './data-url.ts'
import { countIds } from './rewrite-payload.ts'

const LIMIT = 20 * 1024 * 1024

test('decodes every padding, and any declared type', () => {
  for (const text of ['a', 'ab', 'abc', 'abcd'])
    for (const head of ['data:image/png;base64', 'DATA:text/html;charset=utf-8;BASE64', 'data:;base64'])
      expect(parseDataUrl(`${head},${Buffer.from(text).toString('base64')}`, 10).toString()).toBe(text)
})

test('judges padding and alphabet strictly', () => {
  for (const bad of ['YQ', 'YQ=', 'YQ===', '=YQ=', 'Y===', 'Y Q=', 'YQ==\n', 'YQ-_', '====', '=='])
    expect(() => parseDataUrl(`data:image/png;base64,${bad}`, 10)).toThrow(/not valid/)
})

test('reads the largest object, and knows one byte more by its length', () => {
  const largest = `data:image/png;base64,${Buffer.alloc(LIMIT).toString('base64')}`
  expect(parseDataUrl(largest, LIMIT).length).toBe(LIMIT)
  expect(largest.length).toBeLessThanOrEqual(dataUrlLength(LIMIT))
  const larger = `data:image/png;base64,${Buffer.alloc(LIMIT + 1).toString('base64')}`
  expect(() => parseDataUrl(larger, LIMIT)).toThrow(`larger than ${LIMIT} bytes`)
})

test('megabytes of what looks like the beginning of a placeholder are read in one go', () => {
  const long = 'a'.repeat(LIMIT)
  for (const text of [`data:${long}`, `data:a/${long}`, 'data:a/a'.repeat(LIMIT / 8), `data:image/png;jan_${long}`])
    expect(countIds(text).size).toBe(0)
})

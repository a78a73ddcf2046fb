import { expect, test } from '@jest/globals'
import { createPageExtractor } from './extract-page.ts'

test('what a page says of itself is short, and whole characters [B-018]', async () => {
  const long = '😀'.repeat(50_000)
  const html = `<html lang="${long}"><head><title>x${long}</title><meta name="author" content="x${long}">
<meta property="og:site_name" content="x${long}"></head><body><article><p>${'Words of a page. '.repeat(100)}</p></article></body></html>`
  const source = { bytes: Buffer.from(html), contentType: 'text/html; charset=utf-8', url: 'http://a.test/' }
  const { title, about, text } = await createPageExtractor()(source, false, new AbortController().signal)
  expect(text).toContain('Words of a page.')
  expect([title?.length, title?.startsWith('x😀'), title?.isWellFormed()]).toEqual([300, true, true])
  const said = Object.values(about).filter((value) => typeof value === 'string')
  expect(said.length).toBeGreaterThan(1)
  for (const value of said) expect([value.length <= 1_000, value.isWellFormed()]).toEqual([true, true])
})

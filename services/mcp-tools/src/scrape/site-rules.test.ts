import { expect, test } from '@jest/globals'
import { createMemoryCache } from '../cache/cache.ts'
import { createAskRobots } from './robots.ts'
import { readSiteRules } from './site-rules.ts'

const SITE = 'https://a.test'
const rulesOf = (text: string) => readSiteRules(`${SITE}/robots.txt`, text, 'JanServer')
const isOpen = (text: string, path = '/page') => rulesOf(text).isAllowed(SITE + path)

test.each<[string, string, boolean]>([
  ['groups of several names', 'User-agent: a\nUser-agent: JanServer\nDisallow: /', false],
  [
    'two groups of ours',
    'User-agent: JanServer\nDisallow: /x\nUser-agent: b\nDisallow:\nUser-agent: janserver/2\nDisallow: /page',
    false,
  ],
  ['our name, and nothing closed', 'User-agent: *\nDisallow: /\nUser-agent: JanServer\nDisallow:', true],
  ['our name, and only a delay', 'User-agent: *\nDisallow: /\nUser-agent: JanServer\nCrawl-delay: 3', true],
  ['a group that a comment cuts in two', 'User-agent: JanServer # us: all\n# Allow: /\r\ndisallow : /page # no', false],
  ['rules before any name', 'Disallow: /', true],
  ['a line between names', 'User-agent: JanServer\nSitemap: /s\nUser-agent: b\nDisallow: /', true],
])('%s', (_what, text, open) => {
  expect(isOpen(text)).toBe(open)
})

test('thousands of names with thousands of rules are read once each [B-018]', () => {
  const names = Array.from({ length: 15_000 }, (_, i) => `User-agent: a${i}\n`).join('')
  const began = performance.now()
  expect(isOpen(`${names}User-agent: *\n${'Allow: /\n'.repeat(4_000)}Disallow: /page\n`)).toBe(false)
  expect(isOpen(`${'User-agent: *\n'.repeat(15_000)}${'Disallow: /\n'.repeat(4_000)}`)).toBe(false)
  expect(performance.now() - began).toBeLessThan(3_000)
})

test('what a question costs is bounded, and asking again costs no reading [B-018]', async () => {
  const long = `/${'a'.repeat(8_000)}`
  const texts = {
    '/few': `User-agent: *\n${'Disallow: /*?print=\n'.repeat(200)}`,
    '/stars': `User-agent: *\n${'Disallow: /*a*a*a*a*a*a*a*b\n'.repeat(1_000)}`,
    '/many': `User-agent: *\n${'Disallow: /x\n'.repeat(5_000)}`,
    '/most': `User-agent: *\n${'Disallow: /x\n'.repeat(5_001)}`,
    '/others': `User-agent: b\n${'Disallow: /*a*a*a*a*a*a*a*b\n'.repeat(10_000)}`,
  }
  const works = Object.values(texts).map((text) => rulesOf(text).work(long.length) > 5e6)
  expect(works).toEqual([true, true, true, true, false])
  expect(rulesOf(texts['/few']).work(200)).toBeLessThan(5e6)
  expect(rulesOf(texts['/many']).work(100)).toBeLessThan(5e6)

  const cache = createMemoryCache(1 << 20, 1 << 22)
  await cache.set(`${SITE}/robots.txt`, texts['/many'], 60_000)
  const fetch = () => Promise.reject(new Error('not asked'))
  const ask = createAskRobots({ fetch, cache, product: 'JanServer' })
  const { signal } = new AbortController()
  expect(await ask(SITE + long, signal)).toMatch(/too long to be obeyed/)
  const began = performance.now()
  for (let i = 0; i < 100; i++) expect(await ask(`${SITE}/page`, signal)).toBeUndefined()
  expect(performance.now() - began).toBeLessThan(3_000)
  await cache.set(`${SITE}/robots.txt`, 'User-agent: *\nDisallow: /page', 60_000)
  expect(await ask(`${SITE}/page`, signal)).toMatch(/not to read this page/)
})

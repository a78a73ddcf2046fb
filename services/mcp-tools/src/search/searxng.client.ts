import { z } from 'zod'
import { withSites } from './domain-filter.ts'
import { askEngine } from './engine-http.ts'
import type { FoundPage, SearchEngine, SearchQuery } from './search-engine.ts'

export type SearxngOptions = { url: string; timeoutMs?: number }

/** Only what is needed, and nothing that could be refused for a detail: engines behind it tell what they like. */
const answerShape = z.object({
  results: z.array(z.unknown()),
  /** Pairs of engine and reason; older and newer ones write names, objects or a map. */
  unresponsive_engines: z.unknown().optional(),
})

const pageShape = z.object({ url: z.string(), title: z.string().nullish(), content: z.string().nullish() })

/** It knows no hours. */
const TIME_RANGES: Record<string, string> = {
  'qdr:h': 'day',
  'qdr:d': 'day',
  'qdr:w': 'week',
  'qdr:m': 'month',
  'qdr:y': 'year',
}

/** A SearXNG of the operator's, which must list `json` under `search.formats`. */
export function createSearxngEngine({ url, timeoutMs = 10_000 }: SearxngOptions): SearchEngine {
  return {
    name: 'searxng',
    live: true,
    paid: false,
    async search(query, { signal }) {
      const request = { url: searchUrl(url, query), method: 'GET' as const, headers: {}, timeoutMs, signal }
      const answer = await askEngine(request, answerShape)
      const pages = answer.results.flatMap(readPage)
      const unresponsiveEngines = describeEach(answer.unresponsive_engines)
      // Nothing found and nobody answered are not the same.
      if (pages.length === 0 && unresponsiveEngines.length > 0)
        throw new Error(`no engine of SearXNG answered (${unresponsiveEngines.join(', ')})`)
      return { pages, ...(unresponsiveEngines.length > 0 ? { unresponsiveEngines } : {}) }
    },
  }
}

function readPage(result: unknown): FoundPage[] {
  const { success, data } = pageShape.safeParse(result)
  return success ? [{ title: data.title ?? '', url: data.url, snippet: data.content ?? '' }] : []
}

/** Whatever tells of the engines that did not answer, as `engine: reason`. */
function describeEach(told: unknown): string[] {
  if (Array.isArray(told)) return told.map(describe).filter((text) => text !== '')
  if (typeof told === 'object' && told !== null) return Object.entries(told).map(describe)
  return told === undefined || told === null || told === '' ? [] : [describe(told)]
}

const describe = (told: unknown): string =>
  (typeof told === 'object' && told !== null ? Object.values(told) : [told])
    .filter((part) => typeof part === 'string' || typeof part === 'number')
    .join(': ')

/** It refuses the whole search for a code that is not written its way. */
function languageCode(hl: string): string | undefined {
  const [, language, country] = /^([a-z]{2,3})(?:[-_]([a-z]{2}))?$/i.exec(hl) ?? []
  return language && [language.toLowerCase(), ...(country ? [country.toUpperCase()] : [])].join('-')
}

function searchUrl(base: string, { q, sites, hl, page, tbs }: SearchQuery): URL {
  const url = new URL('search', base.endsWith('/') ? base : `${base}/`)
  const language = hl && languageCode(hl)
  const range = tbs && TIME_RANGES[tbs]
  const parameters = {
    q: withSites(q, sites),
    format: 'json',
    safesearch: '1',
    ...(language && { language }),
    ...(page && page > 1 ? { pageno: String(page) } : {}),
    ...(range && { time_range: range }),
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url
}

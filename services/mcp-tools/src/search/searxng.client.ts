import { z } from 'zod'
import { askEngine } from './engine-http.ts'
import type { SearchEngine, SearchQuery } from './search-engine.ts'

export type SearxngOptions = { url: string; timeoutMs?: number }

const answerShape = z.object({
  results: z.array(z.object({ url: z.string(), title: z.string().default(''), content: z.string().nullish() })),
  /** Pairs of engine and reason. */
  unresponsive_engines: z.array(z.array(z.string())).default([]),
})

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
    async search(query, signal) {
      const request = { url: searchUrl(url, query), method: 'GET' as const, headers: {}, timeoutMs, signal }
      const answer = await askEngine(request, answerShape)
      const unresponsiveEngines = answer.unresponsive_engines.map((pair) => pair.join(': '))
      // Nothing found and nobody answered are not the same.
      if (answer.results.length === 0 && unresponsiveEngines.length > 0)
        throw new Error(`no engine of SearXNG answered (${unresponsiveEngines.join(', ')})`)
      const pages = answer.results.map(({ title, url, content }) => ({ title, url, snippet: content ?? '' }))
      return { pages, ...(unresponsiveEngines.length > 0 ? { unresponsiveEngines } : {}) }
    },
  }
}

function searchUrl(base: string, { q, hl, page, tbs }: SearchQuery): URL {
  const url = new URL('search', base.endsWith('/') ? base : `${base}/`)
  const range = tbs && TIME_RANGES[tbs]
  const parameters = {
    q,
    format: 'json',
    safesearch: '1',
    ...(hl && { language: hl }),
    ...(page && page > 1 ? { pageno: String(page) } : {}),
    ...(range && { time_range: range }),
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url
}

import { z } from 'zod'
import { withSites } from './domain-filter.ts'
import { askEngine } from './engine-http.ts'
import type { SearchEngine } from './search-engine.ts'

export type SerperOptions = { apiKey: string; url?: string; timeoutMs?: number }

const text = z.string().nullish()

const answerShape = z.looseObject({
  organic: z
    .array(z.looseObject({ title: text, link: z.string(), snippet: text, description: text }))
    .nullish()
    .transform((pages) => pages ?? []),
})

const EXTRAS = ['knowledgeGraph', 'images', 'news', 'answerBox']

/** Google's results through serper.dev. */
export function createSerperEngine(options: SerperOptions): SearchEngine {
  const { apiKey, url = 'https://google.serper.dev', timeoutMs = 10_000 } = options
  const endpoint = new URL('search', url.endsWith('/') ? url : `${url}/`)
  return {
    name: 'serper',
    live: true,
    paid: true,
    async search({ sites, ...query }, { signal }) {
      const headers = { 'content-type': 'application/json', 'x-api-key': apiKey }
      const body = JSON.stringify({ ...query, q: withSites(query.q, sites) })
      const { organic, ...more } = await askEngine(
        { url: endpoint, method: 'POST', headers, body, timeoutMs, signal },
        answerShape,
      )
      const pages = organic.map((raw) => ({
        title: raw.title ?? '',
        url: raw.link,
        snippet: raw.snippet || raw.description || '',
        raw,
      }))
      return { pages, extras: Object.fromEntries(Object.entries(more).filter(([name]) => EXTRAS.includes(name))) }
    },
  }
}

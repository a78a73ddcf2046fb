import { z } from 'zod'
import { askEngine } from './engine-http.ts'
import type { SearchEngine } from './search-engine.ts'

export type SerperOptions = { apiKey: string; url?: string; timeoutMs?: number }

const answerShape = z.object({
  organic: z
    .array(
      z.object({
        title: z.string().default(''),
        link: z.string(),
        snippet: z.string().optional(),
        description: z.string().optional(),
      }),
    )
    .default([]),
})

/** Google's results through serper.dev. */
export function createSerperEngine(options: SerperOptions): SearchEngine {
  const { apiKey, url = 'https://google.serper.dev', timeoutMs = 10_000 } = options
  const endpoint = new URL('search', url.endsWith('/') ? url : `${url}/`)
  return {
    name: 'serper',
    live: true,
    async search(query, signal) {
      const headers = { 'content-type': 'application/json', 'x-api-key': apiKey }
      const body = JSON.stringify(query)
      const { organic } = await askEngine(
        { url: endpoint, method: 'POST', headers, body, timeoutMs, signal },
        answerShape,
      )
      const pages = organic.map(({ title, link, snippet, description }) => ({
        title,
        url: link,
        snippet: snippet || description || '',
      }))
      return { pages }
    },
  }
}

import { createHash } from 'node:crypto'
import { tryParseJson } from '@jan/service-kit/json-body'
import { z } from 'zod'
import type { Cache } from '../cache/cache.ts'

const keptShape = z.object({
  /** Where it came from, after redirects. */
  url: z.string(),
  status: z.int(),
  contentType: z.string(),
  fetchedAt: z.iso.datetime(),
  /** Until when it may be given without asking again; epoch milliseconds. */
  freshUntil: z.number(),
  etag: z.string().optional(),
  lastModified: z.string().optional(),
  page: z.object({
    title: z.string().nullable(),
    text: z.string(),
    markdown: z.string().nullable(),
    about: z.record(z.string(), z.union([z.string(), z.number()])),
  }),
})

/** A page as it was read, and how to ask whether it is still so. */
export type KeptPage = z.output<typeof keptShape>

export type PageCache = {
  find(url: string, includeMarkdown: boolean): Promise<KeptPage | undefined>
  keep(url: string, includeMarkdown: boolean, page: KeptPage): Promise<void>
}

/** Pages are fetched without anybody's credentials, so what one caller saw another may see. */
export function createPageCache(cache: Cache, ttlMs: number): PageCache {
  const keyOf = (url: string, includeMarkdown: boolean) =>
    createHash('sha256')
      .update(`${includeMarkdown ? 'markdown' : 'text'} ${url}`)
      .digest('base64url')
  return {
    async find(url, includeMarkdown) {
      if (ttlMs <= 0) return undefined
      const text = await cache.get(keyOf(url, includeMarkdown))
      return text === undefined ? undefined : keptShape.safeParse(tryParseJson(text)).data
    },
    keep: (url, includeMarkdown, page) => cache.set(keyOf(url, includeMarkdown), JSON.stringify(page), ttlMs),
  }
}

/** Longest time that a site's own word is believed. */
const MOST_FRESH_MS = 3_600_000

/** What an answer's headers say of keeping it (RFC 9111 §5.2.2); undefined: not at all. Without a word it is asked for again. */
export function freshnessOf(headers: Headers): number | undefined {
  const said = (headers.get('cache-control') ?? '').toLowerCase()
  if (/\bno-store\b/.test(said)) return undefined
  if (/\bno-cache\b/.test(said)) return 0
  const [, seconds = '0'] = /(?:^|[\s,])max-age\s*=\s*"?(\d{1,9})/.exec(said) ?? []
  const age = Number(headers.get('age')) || 0
  return Math.min(Math.max(0, Number(seconds) - age) * 1000, MOST_FRESH_MS)
}

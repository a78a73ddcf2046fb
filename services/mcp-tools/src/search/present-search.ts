import { isAllowed, withSites } from './domain-filter.ts'
import type { SearchDocument } from './search.schema.ts'
import type { FoundPage, SearchQuery } from './search-engine.ts'
import type { Asked } from './search-web.ts'

const SNIPPET_CHARS = 420
const NO_SNIPPET = 'No description available.'

export type Shown = {
  query: SearchQuery
  /** Domains that results are held to: all, when undefined. */
  allowed: string[] | undefined
  /** Those that the caller asked for. */
  wanted: string[] | undefined
  hint: string | undefined
}

/** What was found, held to the allowed domains whatever the engine made of them. */
export function presentSearch(asked: Asked, { query, allowed, wanted, hint }: Shown): SearchDocument {
  const { engine, answer, fetchedAt, isCached, reason } = asked
  const { name, live } = engine
  const { sites: _sites, ...sent } = query
  const parameters = { ...sent, q: live ? withSites(query.q, allowed) : query.q }
  const pages = answer.isFallback
    ? answer.pages
    : answer.pages.filter((page) => isShown(page, live ? allowed : wanted, live)).slice(0, query.num)
  const status = answer.isFallback ? 'fallback' : isCached ? 'cached' : live ? 'live' : 'offline'
  return {
    query: query.q,
    engine: name,
    live,
    cache_status: live ? status : (reason ?? status),
    metadata: {
      ...parameters,
      engine: name,
      live,
      domain_allow_list: allowed ?? null,
      ...(hint && { location_hint: hint }),
      ...(reason && { reason }),
      ...(answer.unresponsiveEngines && { unresponsive_engines: answer.unresponsiveEngines }),
    },
    results: pages.map(({ title, url, snippet }, index) => ({
      position: index + 1,
      title,
      source_url: url,
      snippet: shorten(snippet.trim() || NO_SNIPPET),
      cache_status: status,
      ...(answer.isFallback && { live: false }),
      fetched_at: fetchedAt.toISOString(),
    })),
    // The link of a fallback is no source of anything.
    citations: answer.isFallback ? [] : pages.flatMap(({ url }) => url || []),
    raw: {
      searchParameters: parameters,
      organic: answer.isFallback
        ? []
        : pages.map(({ title, url, snippet, raw }) => raw ?? { title, link: url, snippet }),
      // Nobody can say of which domains these tell.
      ...(allowed ? {} : answer.extras),
    },
  }
}

/**
 * The operator's domains hold what comes of the web; what lies on the platform itself, under names that are no
 * addresses, is held to what the caller asked for.
 */
const isShown = ({ url }: FoundPage, domains: string[] | undefined, live: boolean): boolean =>
  (!live || /^https?:/.test(url)) && isAllowed(domains, url)

/** Cut by whole characters. */
function shorten(text: string): string {
  const characters = [...text]
  return characters.length <= SNIPPET_CHARS ? text : `${characters.slice(0, SNIPPET_CHARS).join('')}…`
}

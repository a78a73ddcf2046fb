import { withSites } from './domain-filter.ts'
import type { FoundPage, SearchEngine } from './search-engine.ts'
import type { ShippedDocs } from './shipped-docs.ts'

export type OfflineDeps = {
  /** The documents that somebody indexed in this workspace, best first. */
  searchDocuments(workspaceId: string, query: string, most: number): Promise<FoundPage[]>
  docs: Pick<ShippedDocs, 'search'>
}

/** Searches what is here: the caller's documents, then our own. Where nothing fits its one page is where a person can search. */
export const createOfflineEngine = ({ searchDocuments, docs }: OfflineDeps): SearchEngine => ({
  name: 'offline',
  live: false,
  paid: false,
  async search({ q, sites, num, page = 1 }, { workspaceId, signal }) {
    const most = num * page
    const own = workspaceId === undefined ? [] : await searchDocuments(workspaceId, q, most)
    signal.throwIfAborted()
    const pages = [...own, ...(own.length < most ? await docs.search(q, most - own.length) : [])]
    if (pages.length > 0) return { pages: pages.slice(most - num) }
    const url = `https://duckduckgo.com/?q=${encodeURIComponent(withSites(q, sites))}`
    return {
      pages: [
        {
          title: 'No live results: open a web search for this query',
          url,
          snippet: 'No search engine could be asked. This link opens the search in a browser; it was not followed.',
        },
      ],
      isFallback: true,
    }
  },
})

import type { SearchEngine } from './search-engine.ts'

/** Searches nothing and says so: its one result is where a person can search. */
export const offlineEngine: SearchEngine = {
  name: 'offline',
  live: false,
  search: async ({ q }) => ({
    pages: [
      {
        title: 'No live results: open a web search for this query',
        url: `https://duckduckgo.com/?q=${encodeURIComponent(q)}`,
        snippet: 'No search engine could be asked. This link opens the search in a browser; it was not followed.',
      },
    ],
  }),
}

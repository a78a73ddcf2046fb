import { AppError } from '@jan/service-kit/errors'
import { googleSearchInput, googleSearchOutput, type SearchDocument } from '../search/search.schema.ts'
import type { EngineChoice } from '../search/search-engine.ts'
import { searchWeb } from '../search/search-web.ts'
import { defineTool } from './tool.ts'

export const googleSearchTool = defineTool({
  name: 'google_search',
  title: 'Search the web',
  description:
    'Searches the web and returns titles, addresses and snippets. Use it for what is recent or not known; ' +
    'read a result in full with scrape. The answer says when no search engine could be asked.',
  input: googleSearchInput,
  output: googleSearchOutput,
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  timeoutMs: 45_000,
  run: async ({ search, now }, { mayPay, signal, log }, input) => {
    const engines = mayPay ? search.engines : search.engines.map(withoutPaid)
    const found = await searchWeb({ ...search, engines, clock: now, log }, input, signal)
    if ('error' in found) throw new AppError(found.error.code, found.error.message)
    return { text: presentResults(found), structured: found }
  },
})

/** Searches through Serper are paid by the operator. */
const withoutPaid = (choice: EngineChoice): EngineChoice =>
  'engine' in choice && choice.engine.name === 'serper' ? { missing: 'serper_not_for_guests' } : choice

function presentResults({ query, live, results }: SearchDocument): string {
  const found = results.map(({ title, source_url, snippet }) => `${title}\n${source_url}\n${snippet}`)
  const head = live ? [] : ['No search engine was asked for this.']
  if (found.length === 0) head.push(`Nothing was found for: ${query}`)
  return [...head, ...found].join('\n\n')
}

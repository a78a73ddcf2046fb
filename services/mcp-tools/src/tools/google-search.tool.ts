import { AppError } from '@jan/service-kit/errors'
import { googleSearchInput, googleSearchOutput, type SearchDocument } from '../search/search.schema.ts'
import { searchWeb } from '../search/search-web.ts'
import { defineTool } from './tool.ts'
import type { Words } from './untrusted.ts'

export const googleSearchTool = defineTool({
  name: 'google_search',
  title: 'Search the web',
  description:
    'Searches the web and returns titles, addresses and snippets. Use it for what is recent or not known; ' +
    'read a result in full with scrape. When no search engine can be asked it searches indexed documents and the ' +
    'platform’s docs, and says so.',
  input: googleSearchInput,
  output: googleSearchOutput,
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  timeoutMs: 45_000,
  run: async ({ search, now }, { caller, mayPay, signal, log }, input) => {
    const workspaceId = 'workspaceId' in caller ? caller.workspaceId : undefined
    const found = await searchWeb({ ...search, clock: now, log }, { workspaceId, mayPay, signal }, input)
    if ('error' in found) throw new AppError(found.error.code, found.error.message)
    return { text: presentResults(found), structured: found }
  },
})

function presentResults({ query, live, results }: SearchDocument): Words {
  const head = !live && 'No search engine was asked for this: it is no knowledge of the web.'
  if (results.length === 0) return [head, `Nothing was found for: ${query}`]
  const found = results.map(({ title, source_url, snippet }) => `${title}\n${source_url}\n${snippet}`).join('\n\n')
  const isFallback = results[0]!.cache_status === 'fallback'
  return [head, isFallback ? found : { foreign: found }]
}

import { fetchJsonInput, fetchJsonOutput } from '../scrape/fetch-json.schema.ts'
import { fetchJson } from '../scrape/fetch-json.ts'
import { defineTool } from './tool.ts'

export const fetchJsonTool = defineTool({
  name: 'fetch_json',
  title: 'Fetch JSON',
  description:
    'Gets a JSON document from a public address (GET) and returns it, or the part that a JSON pointer leads to. ' +
    'Use it for APIs and data files; for pages to read use scrape.',
  input: fetchJsonInput,
  output: fetchJsonOutput,
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  timeoutMs: 45_000,
  run: async ({ fetch, now }, { signal }, input) => {
    const found = await fetchJson({ fetch, clock: now }, input, signal)
    return { text: [{ foreign: JSON.stringify(found.value) }], structured: found }
  },
})

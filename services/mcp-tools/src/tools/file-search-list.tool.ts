import { requirePerson } from '../documents/asking.ts'
import { fileSearchListInput, fileSearchListOutput } from '../documents/file-search.schema.ts'
import { presentDocument } from '../documents/present-document.ts'
import { defineTool } from './tool.ts'

export const fileSearchListTool = defineTool({
  name: 'file_search_list',
  title: 'List indexed documents',
  description:
    "Lists the user's indexed documents, newest first. Use it to learn what can be searched, and the ids of documents.",
  input: fileSearchListInput,
  output: fileSearchListOutput,
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  timeoutMs: 15_000,
  run: async (deps, call, { limit, after, tags, vector_store_id: collectionId }) => {
    const { workspaceId } = requirePerson(call).caller
    const page = { limit, order: 'desc' as const, after: after === undefined ? undefined : BigInt(after) }
    const rows = await deps.documents.list(workspaceId, { collectionId, tags, unexpired: true }, page)
    const documents = rows.slice(0, limit)
    const next = rows.length > limit ? String(documents.at(-1)!.key) : null
    const lines = documents.map(({ id, title, tags }) => `${id}: ${[title, ...tags.map((tag) => `#${tag}`)].join(' ')}`)
    const more = next !== null && `(there are more; go on with after ${next})`
    return {
      text: [...lines, more].filter(Boolean).join('\n') || 'Nothing is indexed.',
      structured: { documents: documents.map(presentDocument), next },
    }
  },
})

import { notFound } from '@jan/service-kit/errors'
import { requirePerson } from '../documents/asking.ts'
import { fileSearchDeleteInput, fileSearchDeleteOutput } from '../documents/file-search.schema.ts'
import { defineTool } from './tool.ts'

export const fileSearchDeleteTool = defineTool({
  name: 'file_search_delete',
  title: 'Delete an indexed document',
  description:
    'Removes a document from what file_search_query searches. An uploaded file itself stays. Use it when the user asks for it.',
  input: fileSearchDeleteInput,
  output: fileSearchDeleteOutput,
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  timeoutMs: 15_000,
  run: async ({ collections, documents }, call, { document_id, vector_store_id }) => {
    const { workspaceId } = requirePerson(call).caller
    const collectionId = vector_store_id ?? (await collections.requireDefault(workspaceId)).id
    if ((await documents.delete(workspaceId, { collectionId, ids: [document_id] })) === 0)
      throw notFound('Document', document_id)
    return { text: `Deleted ${document_id}.`, structured: { document_id, deleted: true as const } }
  },
})

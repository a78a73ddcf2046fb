import { requirePerson } from '../documents/asking.ts'
import { fileSearchQueryInput, fileSearchQueryOutput } from '../documents/file-search.schema.ts'
import { queryDocuments, type ShownHit } from '../documents/query-documents.ts'
import { defineTool } from './tool.ts'

const USUAL = 5
const MOST = 20

export const fileSearchQueryTool = defineTool({
  name: 'file_search_query',
  title: 'Search documents',
  description:
    "Searches the user's indexed documents and returns the passages that fit best, with where they stand. " +
    'Use it for questions about what the user has indexed; narrow it by document_ids, tags or metadata.',
  input: fileSearchQueryInput,
  output: fileSearchQueryOutput,
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  timeoutMs: 45_000,
  run: async (deps, call, input) => {
    const most = topK(input.top_k)
    const filter = {
      collectionId: input.vector_store_id,
      ids: input.document_ids,
      tags: input.tags,
      metadata: input.metadata,
    }
    const { hits, ranking, notice } = await queryDocuments(deps, requirePerson(call), {
      query: input.query,
      filter,
      most,
    })
    const structured = {
      query: input.query,
      top_k: most,
      count: hits.length,
      results: hits.map(presentHit),
      ranking,
      ...(notice === undefined ? {} : { notice }),
    }
    const passages = hits.map(({ document, text, start }, nth) => {
      const place = `${document.id}, characters ${start}–${start + text.length}`
      const passage = `${nth + 1}. ${document.title} (${place})\n${text.trim()}`
      return isOfWeb(document.source) ? { foreign: passage } : passage
    })
    const nothing = hits.length === 0 && 'Nothing was found.'
    return { text: [...passages, nothing, notice], structured }
  },
})

/** Whoever wrote a page is not the user, also when the user keeps it. */
const isOfWeb = (source: string | null) => source !== null && /^https?:/i.test(source)

/** Nothing, or nothing sensible, is the usual number. */
const topK = (asked = USUAL) => (asked >= 1 ? Math.min(Math.trunc(asked), MOST) : USUAL)

const presentHit = ({ document, text, start, score, preview, previewStart }: ShownHit) => ({
  document_id: document.id,
  title: document.title,
  score,
  text,
  start_index: start,
  end_index: start + text.length,
  text_preview: preview,
  preview_start: previewStart,
  preview_end: previewStart + preview.length,
  metadata: document.metadata,
  tags: document.tags,
  source: document.source,
  vector_store_id: document.collectionId,
})

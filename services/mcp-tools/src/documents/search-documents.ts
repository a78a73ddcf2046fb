import type { Deps } from '../deps.ts'
import type { Document } from './document.ts'
import { previewOf } from './preview-of.ts'

export type FoundDocument = {
  document: Document
  /** The words around the hit, and where they stand in the document's text, in UTF-16 units. */
  preview: string
  start: number
  end: number
  /** 0 to 1 */
  score: number
}

/** The documents of a workspace that fit a question best, each with its best place. Asks nobody but our own database. */
export async function searchDocuments(
  deps: Pick<Deps, 'documents'>,
  workspaceId: string,
  query: string,
  most: number,
): Promise<FoundDocument[]> {
  const { hits, asked } = await deps.documents.search(workspaceId, { query, filter: {}, vector: undefined }, 50)
  const best = new Map(hits.toReversed().map((hit) => [hit.document.key, hit]))
  return [...best.values()]
    .sort((one, other) => other.score - one.score)
    .slice(0, most)
    .map(({ document, score, text, start }) => {
      const { preview, at } = previewOf(text, asked)
      return { document, score, preview, start: start + at, end: start + at + preview.length }
    })
}

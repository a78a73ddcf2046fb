import type { Document } from '../documents/document.ts'
import { seconds } from './present-collection.ts'

/** How OpenAI counts: about four letters of English. */
export const CHARS_PER_TOKEN = 4

/** OpenAI's file of a vector store: a document, whose tags, if it has any, are a label. */
export const presentFile = (document: Document) => ({
  id: document.id,
  object: 'vector_store.file' as const,
  created_at: seconds(document.createdAt),
  vector_store_id: document.collectionId,
  usage_bytes: document.bytes,
  status: document.status,
  last_error:
    document.status === 'failed'
      ? { code: document.errorCode ?? 'server_error', message: document.errorMessage ?? 'It could not be read' }
      : null,
  attributes: attributesOf(document),
  chunking_strategy: {
    type: 'static' as const,
    static: {
      max_chunk_size_tokens: Math.round(document.chunkChars / CHARS_PER_TOKEN),
      chunk_overlap_tokens: Math.round(document.overlapChars / CHARS_PER_TOKEN),
    },
  },
})

/** What other ways of indexing kept beyond texts, numbers and flags is no attribute. */
export const attributesOf = ({ metadata }: Document) =>
  Object.fromEntries(
    Object.entries(metadata).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value)),
  )

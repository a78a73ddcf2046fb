import type { Document } from './document.ts'

export const presentDocument = (document: Document) => ({
  document_id: document.id,
  title: document.title,
  status: document.status,
  tags: document.tags,
  metadata: document.metadata,
  source: document.source,
  language: document.language,
  chars: document.chars,
  chunk_count: document.chunks,
  created_at: document.createdAt.toISOString(),
  indexed_at: document.indexedAt.toISOString(),
  vector_store_id: document.collectionId,
})

import { AppError, type ErrorCode } from '@jan/service-kit/errors'
import type { Asking } from '../documents/asking.ts'
import type { Chunking } from '../documents/chunk-text.ts'
import type { Document } from '../documents/document.ts'
import { type IndexDeps, indexDocument, USUAL_CHUNKING } from '../documents/index-document.ts'
import { CHARS_PER_TOKEN } from './present-file.ts'
import type { AddFile, ChunkingStrategy } from './vector-store.schema.ts'

/** What a file is to blame for: it stays in the list, and says why nothing of it is found. */
const UNREADABLE: Partial<Record<ErrorCode, string>> = {
  unsupported_media_type: 'unsupported_file',
  invalid_request: 'invalid_file',
  payload_too_large: 'invalid_file',
}

/**
 * Reads a file of the caller's and keeps its text in a vector store.
 * @throws AppError `not_found` when there is no such file, and what is not the file's fault
 */
export async function addFile(
  deps: IndexDeps,
  asking: Asking,
  { file, collectionId }: { file: AddFile; collectionId: string },
): Promise<Document> {
  const labels = { metadata: file.attributes ?? {}, collectionId }
  const chunking = chunkingOf(file.chunking_strategy)
  try {
    const source = { mediaId: file.file_id }
    const { document } = await indexDocument(deps, asking, { ...labels, source, id: file.file_id, tags: [], chunking })
    return document
  } catch (error) {
    const code = error instanceof AppError ? UNREADABLE[error.code] : undefined
    if (code === undefined) throw error
    return keepFailure(deps, asking, { file, collectionId, code, message: (error as AppError).message })
  }
}

type Failure = { file: AddFile; collectionId: string; code: string; message: string }

/** Keeps a file that could not be read, with the reason. */
export function keepFailure(deps: IndexDeps, asking: Asking, failure: Failure): Promise<Document> {
  const { size, overlap } = chunkingOf(failure.file.chunking_strategy) ?? USUAL_CHUNKING
  const document = {
    workspaceId: asking.caller.workspaceId,
    collectionId: failure.collectionId,
    id: failure.file.file_id,
    title: failure.file.file_id,
    tags: [],
    metadata: failure.file.attributes ?? {},
    source: failure.file.file_id,
    status: 'failed' as const,
    errorCode: failure.code,
    errorMessage: failure.message,
    bytes: 0,
    chars: 0,
    chunkChars: size,
    overlapChars: overlap,
    embeddingModel: null,
    indexedAt: deps.now(),
  }
  return deps.documents.put(document, [])
}

/** Of tokens, which nobody counts here. */
function chunkingOf(strategy: ChunkingStrategy | null | undefined): Chunking | undefined {
  if (strategy?.type !== 'static') return undefined
  const { max_chunk_size_tokens: size, chunk_overlap_tokens: overlap } = strategy.static
  return { size: size * CHARS_PER_TOKEN, overlap: overlap * CHARS_PER_TOKEN }
}

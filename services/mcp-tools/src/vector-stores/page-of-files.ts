import { presentPage } from '@jan/service-kit/page'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { Document } from '../documents/document.ts'
import { presentFile } from './present-file.ts'
import { requireFile, requireVectorStore } from './require-vector-store.ts'
import type { FileListQuery } from './vector-store.schema.ts'

/** The files of a vector store, or those of these ids. @throws AppError `not_found` for a cursor that is none of them */
export async function pageOfFiles(
  deps: Pick<Deps, 'collections' | 'documents' | 'now'>,
  who: Who,
  { storeId, ids, query }: { storeId: string; ids?: string[]; query: FileListQuery },
) {
  const { limit, order, after, before, filter: status } = query
  const { id: collectionId, workspaceId } = await requireVectorStore(deps, who, storeId)
  const keyOf = async (fileId: string | undefined) =>
    fileId ? (await requireFile(deps, who, { storeId, fileId })).key : undefined
  const page = { limit, order, after: await keyOf(after), before: await keyOf(before) }
  const rows = await list()
  return presentPage(rows.map(presentFile), limit)

  /** Nothing is ever in progress, nor cancelled. */
  async function list(): Promise<Document[]> {
    if (status === 'in_progress' || status === 'cancelled') return []
    return deps.documents.list(workspaceId, { collectionId, ids, status }, page)
  }
}

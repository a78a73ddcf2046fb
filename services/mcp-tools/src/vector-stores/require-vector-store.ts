import { invalid, notFound } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { type Collection, hasExpired } from '../documents/collection.ts'
import type { Document } from '../documents/document.ts'

type Needs = Pick<Deps, 'collections' | 'documents' | 'now'>

/** @throws AppError `not_found` when the caller has none of this id */
export async function requireVectorStore(
  { collections }: Needs,
  who: Pick<Who, 'caller'>,
  id: string,
): Promise<Collection> {
  const found = await collections.find(who.caller.workspaceId, id)
  if (!found) throw notFound('Vector store', id)
  return found
}

/** One that is about to be used, which it remembers. @throws AppError `invalid_request` when it has expired */
export async function useVectorStore(deps: Needs, who: Pick<Who, 'caller'>, id: string): Promise<Collection> {
  const found = await requireVectorStore(deps, who, id)
  const now = deps.now()
  if (hasExpired(found, now)) throw invalid(`Vector store '${id}' has expired`)
  // To the minute is enough: a search should not have to write.
  if (now.getTime() - found.lastActiveAt.getTime() > 60_000) await deps.collections.update(found, { lastActiveAt: now })
  return found
}

/** @throws AppError `not_found` when the store is not the caller's, or has no such file */
export async function requireFile(
  deps: Needs,
  who: Pick<Who, 'caller'>,
  { storeId, fileId }: { storeId: string; fileId: string },
): Promise<Document> {
  const { id: collectionId, workspaceId } = await requireVectorStore(deps, who, storeId)
  const page = { limit: 1, order: 'asc' as const }
  const [document] = await deps.documents.list(workspaceId, { collectionId, ids: [fileId] }, page)
  if (!document) throw notFound('File', fileId)
  return document
}

import type { Deps } from '../deps.ts'
import type { Document } from './document.ts'

/** Newest first. `next` is where the following page begins. */
export async function listDocuments(
  deps: Pick<Deps, 'documents'>,
  workspaceId: string,
  { limit, after }: { limit: number; after?: bigint | undefined },
): Promise<{ documents: Document[]; next?: bigint }> {
  const filter = { status: 'completed' as const, unexpired: true }
  const rows = await deps.documents.list(workspaceId, filter, { limit, order: 'desc', after })
  const documents = rows.slice(0, limit)
  return rows.length > limit ? { documents, next: documents.at(-1)!.key } : { documents }
}

import type { Deps } from '../deps.ts'
import type { Document } from './document.ts'

/** A document with its whole text; undefined when the workspace has none of this id (the newest, when several collections do). */
export async function readDocument(
  deps: Pick<Deps, 'documents'>,
  workspaceId: string,
  id: string,
): Promise<{ document: Document; text: string } | undefined> {
  const filter = { ids: [id], status: 'completed' as const, unexpired: true }
  const [document] = await deps.documents.list(workspaceId, filter, { limit: 1, order: 'desc' })
  return document && { document, text: await deps.documents.textOf(document) }
}

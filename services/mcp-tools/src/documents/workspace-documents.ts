import { pagesOf } from '@jan/service-kit/workspace-routes'
import type { Deps } from '../deps.ts'
import { tellVectorStores } from '../vector-stores/tell-vector-stores.ts'
import type { Document } from './document.ts'
import { presentDocument } from './present-document.ts'

type Needs = Pick<Deps, 'collections' | 'fileBatches' | 'documents' | 'now'>

const PAGE = 50

/** Deletes all that a workspace has indexed. */
export async function eraseDocuments(
  { collections, documents }: Pick<Deps, 'collections' | 'documents'>,
  workspaceId: string,
): Promise<void> {
  await documents.delete(workspaceId, {})
  await collections.erase(workspaceId)
}

/** All that a workspace has indexed, the texts too, by kind and as it is read. */
export const tellDocuments = (deps: Needs, workspaceId: string): Record<string, AsyncIterable<unknown>> => ({
  vector_stores: tellVectorStores(deps, workspaceId),
  documents: tellTexts(deps, workspaceId),
})

async function* tellTexts({ documents }: Needs, workspaceId: string) {
  const all = pagesOf<Document>(async (last) =>
    (await documents.list(workspaceId, {}, { limit: PAGE, order: 'asc', after: last?.key })).slice(0, PAGE),
  )
  for await (const document of all) yield { ...presentDocument(document), text: await documents.textOf(document) }
}

import type { Who } from '@jan/service-kit/who'
import type { IndexDeps } from '../documents/index-document.ts'
import { addFiles } from './add-files.ts'
import { presentCollection } from './present-collection.ts'
import type { CreateVectorStore } from './vector-store.schema.ts'

/** With its files, which are read while the caller waits. */
export async function createVectorStore(deps: IndexDeps, who: Who, input: CreateVectorStore) {
  const { workspaceId } = who.caller
  const now = deps.now()
  const collection = await deps.collections.insertOrFind({
    id: who.newId('vs'),
    workspaceId,
    name: input.name ?? '',
    isDefault: false,
    metadata: { ...input.metadata, ...(input.description ? { description: input.description } : {}) },
    expiresAfterDays: input.expires_after?.days ?? null,
    createdAt: now,
    lastActiveAt: now,
  })
  const files = (input.file_ids ?? []).map((file_id) => ({ file_id, chunking_strategy: input.chunking_strategy }))
  await addFiles(deps, who, { files, collectionId: collection.id })
  const counts = await deps.collections.countFiles(workspaceId, [collection.id])
  return presentCollection(collection, counts.get(collection.id), now)
}

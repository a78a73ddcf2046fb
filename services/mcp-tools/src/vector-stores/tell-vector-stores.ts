import type { Deps } from '../deps.ts'
import { presentBatch } from './present-batch.ts'
import { presentCollection } from './present-collection.ts'

type Needs = Pick<Deps, 'collections' | 'fileBatches' | 'now'>

/** All vector stores of a workspace, each with its batches of files. */
export async function* tellVectorStores({ collections, fileBatches, now }: Needs, workspaceId: string) {
  for await (const row of collections.all(workspaceId)) {
    const counts = await collections.countFiles(workspaceId, [row.id])
    const batches = await fileBatches.all(row.id)
    yield {
      ...presentCollection(row, counts.get(row.id), now()),
      file_batches: batches.map((batch) => ({ ...presentBatch(batch), file_ids: batch.fileIds })),
    }
  }
}

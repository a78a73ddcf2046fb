import { notFound } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { IndexDeps } from '../documents/index-document.ts'
import { addFiles } from './add-files.ts'
import type { FileBatch } from './file-batch.store.ts'
import { useVectorStore } from './require-vector-store.ts'
import type { CreateFileBatch } from './vector-store.schema.ts'

/** Several files at once, which are read while the caller waits. @throws AppError `not_found`, `invalid_request` for an expired store */
export async function createFileBatch(
  deps: IndexDeps & Pick<Deps, 'fileBatches'>,
  who: Who,
  { storeId, ...input }: CreateFileBatch & { storeId: string },
): Promise<FileBatch> {
  const createdAt = deps.now()
  const { id: collectionId } = await useVectorStore(deps, who, storeId)
  const files = filesOf(input)
  const added = await addFiles(deps, who, { files, collectionId })
  const failed = added.filter(({ status }) => status === 'failed').length
  const batch = await deps.fileBatches.insertOrFind({
    id: who.newId('vsfb'),
    collectionId,
    fileIds: [...new Set(files.map(({ file_id }) => file_id))],
    completed: added.length - failed,
    failed,
    createdAt,
  })
  if (!batch) throw notFound('Vector store', storeId)
  return batch
}

/** Of files that say nothing themselves, what is said for all. */
const filesOf = ({ file_ids, files, attributes, chunking_strategy }: CreateFileBatch) =>
  files?.length ? files : (file_ids ?? []).map((file_id) => ({ file_id, attributes, chunking_strategy }))

import type { FileBatch } from './file-batch.store.ts'
import { seconds } from './present-collection.ts'

/** OpenAI's batch of files, which is done when it is kept. */
export const presentBatch = ({ id, collectionId, completed, failed, createdAt }: FileBatch) => ({
  id,
  object: 'vector_store.file_batch' as const,
  created_at: seconds(createdAt),
  vector_store_id: collectionId,
  status: 'completed' as const,
  file_counts: { in_progress: 0, completed, failed, cancelled: 0, total: completed + failed },
})

import { isStorable } from '../documents/storable.ts'
import type { FileBatch, PrismaClient } from '../generated/prisma/client.ts'

export type { FileBatch }

/** Batches go with their vector store; of each the newest are remembered. */
export type FileBatchStore = {
  /**
   * When its id is there already, a request that crashed after it is being repeated: gives what it made.
   * @returns undefined when its vector store is gone
   */
  insertOrFind(row: FileBatch): Promise<FileBatch | undefined>
  find(collectionId: string, id: string): Promise<FileBatch | undefined>
  /** The oldest first. */
  all(collectionId: string): Promise<FileBatch[]>
}

/** Of one vector store. */
const MOST_REMEMBERED = 1000

export function createFileBatchStore(db: Pick<PrismaClient, 'fileBatch' | '$executeRaw'>): FileBatchStore {
  const find = async (collectionId: string, id: string) =>
    isStorable(id) ? ((await db.fileBatch.findFirst({ where: { collectionId, id } })) ?? undefined) : undefined
  return {
    insertOrFind: async ({ id, collectionId, fileIds, completed, failed, createdAt }) => {
      await db.$executeRaw`
        INSERT INTO file_batch (id, collection_id, file_ids, completed, failed, created_at)
        SELECT ${id}, c.id, ${fileIds}, ${completed}, ${failed}, ${createdAt}
        FROM collection c WHERE c.id = ${collectionId} FOR KEY SHARE
        ON CONFLICT (id) DO NOTHING`
      await db.$executeRaw`
        DELETE FROM file_batch WHERE id IN (
          SELECT id FROM file_batch WHERE collection_id = ${collectionId}
          ORDER BY created_at DESC, id DESC OFFSET ${MOST_REMEMBERED})`
      return find(collectionId, id)
    },
    find,
    all: (collectionId) =>
      db.fileBatch.findMany({ where: { collectionId }, orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] }),
  }
}

import type { Reach } from '../access/reach.ts'
import type { PrismaClient } from '../generated/prisma/client.ts'

export type Media = {
  id: string
  workspaceId: string
  createdBy: string
  storageKey: string
  mime: string
  bytes: number
  /** Lower-case hex. */
  sha256: string
  filename: string
  createdAt: Date
}

export type MediaStore = {
  /** Inserts the row; when its workspace has these bytes already, changes nothing and gives that row instead. */
  insertOrFind(row: Media): Promise<Media>
  findByHash(workspaceId: string, sha256: string): Promise<Media | null>
  /** In no particular order; what the caller may not see is absent. */
  findAll(reach: Reach, ids: string[]): Promise<Media[]>
}

export const createMediaStore = (db: PrismaClient): MediaStore => ({
  insertOrFind: (row) => {
    const workspaceId_sha256 = { workspaceId: row.workspaceId, sha256: row.sha256 }
    // One INSERT … ON CONFLICT: Prisma upserts natively when the updated column is the unique one with the same value.
    return db.mediaObject.upsert({ where: { workspaceId_sha256 }, create: row, update: { sha256: row.sha256 } })
  },

  findByHash: (workspaceId, sha256) =>
    db.mediaObject.findUnique({ where: { workspaceId_sha256: { workspaceId, sha256 } } }),

  findAll: (reach, ids) =>
    db.mediaObject.findMany({ where: { id: { in: ids }, ...(reach === 'every workspace' ? {} : reach) } }),
})

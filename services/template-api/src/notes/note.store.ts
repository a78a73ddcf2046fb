import { pagesOf } from '@jan/service-kit/workspace-routes'
import type { PrismaClient } from '../generated/prisma/client.ts'

export type Note = {
  id: string
  workspaceId: string
  createdBy: string
  text: string
  createdAt: Date
}

export type NoteStore = {
  /** Inserts the row; when it is there already, a request that crashed after it is being repeated: gives what it made. */
  insertOrFind(row: Note): Promise<Note>
  /** `null` also for what is another workspace's. */
  find(workspaceId: string, id: string): Promise<Note | null>
  /** All of a workspace, by id. */
  all(workspaceId: string): AsyncIterable<Note>
  deleteAll(workspaceId: string): Promise<void>
}

const PAGE = 500

export const createNoteStore = (db: PrismaClient): NoteStore => ({
  // One INSERT … ON CONFLICT: Prisma upserts natively when the updated column is the unique one with the same value.
  insertOrFind: (row) => db.note.upsert({ where: { id: row.id }, create: row, update: { id: row.id } }),

  find: (workspaceId, id) => db.note.findFirst({ where: { id, workspaceId } }),

  all: (workspaceId) =>
    pagesOf<Note>((last) =>
      db.note.findMany({ where: { workspaceId, id: { gt: last?.id ?? '' } }, orderBy: { id: 'asc' }, take: PAGE }),
    ),

  deleteAll: async (workspaceId) => {
    await db.note.deleteMany({ where: { workspaceId } })
  },
})

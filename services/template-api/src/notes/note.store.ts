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
}

export const createNoteStore = (db: PrismaClient): NoteStore => ({
  // One INSERT … ON CONFLICT: Prisma upserts natively when the updated column is the unique one with the same value.
  insertOrFind: (row) => db.note.upsert({ where: { id: row.id }, create: row, update: { id: row.id } }),

  find: (workspaceId, id) => db.note.findFirst({ where: { id, workspaceId } }),
})

import type { PrismaClient, UploadSlot as Row } from '../generated/prisma/client.ts'
import { requireFewOpen } from './quota.ts'

/** A direct upload: announced, and perhaps complete. `bytes` is what was announced, if it was. */
export type Slot = Omit<Row, 'bytes'> & { bytes: number | null }

export type SlotStore = {
  /** Nothing happens when it is there already. @throws AppError `rate_limited` when its workspace has too many that are not complete */
  create(slot: Slot): Promise<void>
  /** Whosoever they are; the object that a complete one became may be gone. */
  findAll(ids: string[]): Promise<Slot[]>
  complete(id: string, mediaId: string): Promise<void>
}

export const createSlotStore = (
  db: Pick<PrismaClient, 'uploadSlot' | '$transaction'>,
  { openUploads }: { openUploads: number },
): SlotStore => ({
  create: (slot) =>
    db.$transaction(async (tx) => {
      const { id, workspaceId } = slot
      // One after the other, so that a rush is counted.
      await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`slots ${workspaceId}`}, 0))`
      const open = await tx.uploadSlot.count({ where: { workspaceId, mediaId: null, id: { not: id } } })
      requireFewOpen(open, openUploads)
      await tx.uploadSlot.createMany({ data: slot, skipDuplicates: true })
    }),
  findAll: async (ids) => {
    const rows = await db.uploadSlot.findMany({ where: { id: { in: ids } } })
    return rows.map((row) => ({ ...row, bytes: row.bytes === null ? null : Number(row.bytes) }))
  },
  complete: async (id, mediaId) => {
    await db.uploadSlot.updateMany({ where: { id }, data: { mediaId } })
  },
})

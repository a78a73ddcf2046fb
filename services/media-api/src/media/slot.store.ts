import type { PrismaClient, UploadSlot as Row } from '../generated/prisma/client.ts'

/** A direct upload: announced, and perhaps complete. `bytes` is what was announced, if it was. */
export type Slot = Omit<Row, 'bytes'> & { bytes: number | null }

export type SlotStore = {
  create(slot: Slot): Promise<void>
  /** Whosoever they are; the object that a complete one became may be gone. */
  findAll(ids: string[]): Promise<Slot[]>
  complete(id: string, mediaId: string): Promise<void>
}

export const createSlotStore = (db: Pick<PrismaClient, 'uploadSlot'>): SlotStore => ({
  create: async (slot) => {
    await db.uploadSlot.createMany({ data: slot, skipDuplicates: true })
  },
  findAll: async (ids) => {
    const rows = await db.uploadSlot.findMany({ where: { id: { in: ids } } })
    return rows.map((row) => ({ ...row, bytes: row.bytes === null ? null : Number(row.bytes) }))
  },
  complete: async (id, mediaId) => {
    await db.uploadSlot.updateMany({ where: { id }, data: { mediaId } })
  },
})

import { pagesOf } from '@jan/service-kit/workspace-routes'
import type { PrismaClient } from '../generated/prisma/client.ts'
import { arrivalKey, judgedKey, slotOf } from './arrival-key.ts'
import { mediaOf } from './media.store.ts'
import { refund } from './usage.store.ts'

/** A row, and every key at which something of it is stored. */
export type Stored = { id: string; kind: 'media' | 'slot'; keys: string[] }

/** What is to be removed for good. */
export type ReapingStore = {
  /** Deletes what has expired by now, for everybody to see. @returns how many */
  expire(now: Date): Promise<number>
  /** Objects deleted before a time, and slots that expired before one and never became an object. */
  gone(times: { deletedBefore: Date; expiredBefore: Date }): AsyncIterable<Stored>
  /** All of a workspace, whatever its state. */
  allOf(workspaceId: string): AsyncIterable<Stored>
  remove(stored: Stored): Promise<void>
  /** Forgets what a workspace held; its rows are gone. */
  forgetWorkspace(workspaceId: string): Promise<void>
  /** Those of these keys that some row names. */
  known(keys: string[]): Promise<Set<string>>
}

const PAGE = 200

export function createReapingStore(db: PrismaClient): ReapingStore {
  async function* stored(media: object, slots: object): AsyncGenerator<Stored> {
    const rows = pagesOf<{ id: string; storageKey: string; textKey: string | null }>((last) =>
      db.mediaObject.findMany({ where: { AND: [media, { id: { gt: last?.id ?? '' } }] }, ...BY_ID }),
    )
    for await (const { id, storageKey, textKey } of rows)
      yield { id, kind: 'media', keys: textKey === null ? [storageKey] : [storageKey, textKey] }
    const uploads = pagesOf<{ id: string }>((last) =>
      db.uploadSlot.findMany({ where: { AND: [slots, { id: { gt: last?.id ?? '' } }] }, ...BY_ID }),
    )
    for await (const { id } of uploads) yield { id, kind: 'slot', keys: [arrivalKey(id), judgedKey(id)] }
  }
  return {
    expire: async (now) => {
      let expired = 0
      for (;;) {
        const rows = await db.mediaObject.findMany({
          where: { deletedAt: null, expiresAt: { lte: now } },
          take: PAGE,
        })
        for (const row of rows)
          await db.$transaction(async (tx) => {
            // Somebody may have sent it again meanwhile.
            const { count } = await tx.mediaObject.updateMany({
              where: { id: row.id, deletedAt: null, expiresAt: { lte: now } },
              data: { deletedAt: now },
            })
            if (count === 1) await refund(tx, mediaOf(row))
            expired += count
          })
        if (rows.length < PAGE) return expired
      }
    },
    gone: ({ deletedBefore, expiredBefore }) =>
      stored({ deletedAt: { lt: deletedBefore } }, { mediaId: null, expiresAt: { lt: expiredBefore } }),
    allOf: (workspaceId) => stored({ workspaceId }, { workspaceId }),
    remove: async ({ id, kind }) => {
      if (kind === 'slot') await db.uploadSlot.deleteMany({ where: { id } })
      else
        await db.$transaction([
          db.uploadSlot.deleteMany({ where: { mediaId: id } }),
          db.mediaObject.deleteMany({ where: { id } }),
        ])
    },
    forgetWorkspace: async (workspaceId) => {
      await db.workspaceUsage.deleteMany({ where: { workspaceId } })
    },
    known: async (keys) => {
      const arriving = keys.flatMap((key) => slotOf(key) ?? [])
      const [objects, slots] = await Promise.all([
        db.mediaObject.findMany({ where: { OR: [{ storageKey: { in: keys } }, { textKey: { in: keys } }] } }),
        db.uploadSlot.findMany({ where: { id: { in: arriving }, mediaId: null } }),
      ])
      return new Set([
        ...objects.flatMap(({ storageKey, textKey }) => [storageKey, textKey ?? storageKey]),
        ...slots.flatMap(({ id }) => [arrivalKey(id), judgedKey(id)]),
      ])
    },
  }
}

const BY_ID = { orderBy: { id: 'asc' as const }, take: PAGE }

import { AppError } from '@jan/service-kit/errors'
import { pagesOf } from '@jan/service-kit/workspace-routes'
import type { Reach } from '../access/reach.ts'
import type { Prisma, PrismaClient, MediaObject as Row } from '../generated/prisma/client.ts'
import type { Quota, Usage } from './quota.ts'
import { charge, refund, usageOf } from './usage.store.ts'

/** `sha256` is lower-case hex; `width` and `height` are pixels as shown; `purpose` is of files of OpenAI's API. */
export type Media = Omit<Row, 'bytes' | 'deletedAt'> & { bytes: number }

export type MediaFilter = {
  /** A whole type, or the first half of one with a slash: `image/`. */
  type?: string | undefined
  purpose?: string | undefined
  since?: Date | undefined
  until?: Date | undefined
  /** Files only: what has a purpose. */
  files?: boolean
}

export type Page = { limit: number; order: 'asc' | 'desc'; after?: string | undefined; before?: string | undefined }

/** What was deleted or has expired is in none of these, unless they say so. */
export type MediaStore = {
  /**
   * Inserts the row; when its workspace has this id or, outside files, these bytes already, that row is given instead
   * and lives as long as this one would. @throws AppError `payload_too_large` or `rate_limited` over the quota
   */
  insertOrFind(row: Media): Promise<Media>
  /** By its id (which only an earlier try of the same request can have taken), else by its bytes. */
  findKnown(workspaceId: string, media: Pick<Media, 'id' | 'sha256'>): Promise<Media | undefined>
  /** In no particular order; what the caller may not see is absent. */
  findAll(reach: Reach, ids: string[]): Promise<Media[]>
  /** One page, and one row more if there is more. */
  list(reach: Reach, filter: MediaFilter, page: Page): Promise<Media[]>
  keepText(id: string, textKey: string): Promise<void>
  /** @returns whether it was there */
  delete(id: string): Promise<boolean>
  usageOf(workspaceId: string): Promise<Usage>
  /** All of a workspace, by id. */
  all(workspaceId: string): AsyncIterable<Media>
}

const PAGE = 200

export function createMediaStore(db: PrismaClient, { quota, now }: { quota: Quota; now: () => Date }): MediaStore {
  const visible = (): Prisma.MediaObjectWhereInput => ({
    deletedAt: null,
    OR: [{ expiresAt: null }, { expiresAt: { gt: now() } }],
  })
  const findKnown: MediaStore['findKnown'] = async (workspaceId, { id, sha256 }) => {
    const rows = await db.mediaObject.findMany({
      where: { AND: [visible(), { workspaceId, OR: [{ id }, { sha256, purpose: null }] }] },
    })
    const row = rows.find((each) => each.id === id) ?? rows[0]
    return row && mediaOf(row)
  }
  const insert = (row: Media): Promise<boolean> =>
    db.$transaction(async (tx) => {
      const { count } = await tx.mediaObject.createMany({ data: row, skipDuplicates: true })
      if (count === 1) await charge(tx, row, quota)
      return count === 1
    })
  /** Also one that has expired and is not gone yet: whoever sends its bytes again wants it again. */
  const renew = (row: Media) =>
    db.mediaObject.updateMany({
      where: { workspaceId: row.workspaceId, sha256: row.sha256, purpose: null, deletedAt: null },
      data: { expiresAt: row.expiresAt },
    })
  return {
    insertOrFind: async (row) => {
      if (await insert(row)) return row
      if (row.purpose === null) await renew(row)
      const stored = await findKnown(row.workspaceId, row)
      if (!stored) throw new AppError('conflict', 'The same bytes are being deleted right now; send them again')
      return stored
    },
    findKnown,
    findAll: async (reach, ids) => {
      const rows = await db.mediaObject.findMany({ where: { AND: [visible(), ofReach(reach), { id: { in: ids } }] } })
      return rows.map(mediaOf)
    },
    list: async (reach, filter, { limit, order, after, before }) => {
      const [later, earlier] = order === 'asc' ? [after, before] : [before, after]
      const rows = await db.mediaObject.findMany({
        where: {
          AND: [
            visible(),
            ofReach(reach),
            whereOf(filter),
            // Ids are ULIDs: their order is that of their making.
            { id: { ...(later ? { gt: later } : {}), ...(earlier ? { lt: earlier } : {}) } },
          ],
        },
        orderBy: { id: order },
        take: limit + 1,
      })
      return rows.map(mediaOf)
    },
    keepText: async (id, textKey) => {
      await db.mediaObject.updateMany({ where: { id }, data: { textKey } })
    },
    delete: (id) =>
      db.$transaction(async (tx) => {
        const row = await tx.mediaObject.findUnique({ where: { id } })
        const { count } = await tx.mediaObject.updateMany({
          where: { id, deletedAt: null },
          data: { deletedAt: now() },
        })
        if (row && count === 1) await refund(tx, mediaOf(row))
        return count === 1
      }),
    usageOf: (workspaceId) => usageOf(db, workspaceId),
    all: (workspaceId) =>
      pagesOf<Media>(async (last) => {
        const rows = await db.mediaObject.findMany({
          where: { AND: [visible(), { workspaceId, id: { gt: last?.id ?? '' } }] },
          orderBy: { id: 'asc' },
          take: PAGE,
        })
        return rows.map(mediaOf)
      }),
  }
}

const ofReach = (reach: Reach) => (reach === 'every workspace' ? {} : reach)

const whereOf = ({ type, purpose, since, until, files }: MediaFilter): Prisma.MediaObjectWhereInput => ({
  ...(type === undefined ? {} : { mime: type.endsWith('/') ? { startsWith: type } : type }),
  ...(files ? { purpose: purpose ?? { not: null } } : purpose === undefined ? {} : { purpose }),
  createdAt: { ...(since ? { gte: since } : {}), ...(until ? { lt: until } : {}) },
})

export const mediaOf = ({ bytes, deletedAt: _, ...row }: Row): Media => ({ ...row, bytes: Number(bytes) })

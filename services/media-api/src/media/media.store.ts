import { pagesOf } from '@jan/service-kit/workspace-routes'
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
  /** Inserts the row; when its workspace has this id or these bytes already, changes nothing and gives that row instead. */
  insertOrFind(row: Media): Promise<Media>
  /** By its id (which only an earlier try of the same request can have taken), else by its bytes. */
  findKnown(workspaceId: string, media: Pick<Media, 'id' | 'sha256'>): Promise<Media | undefined>
  /** In no particular order; what the caller may not see is absent. */
  findAll(reach: Reach, ids: string[]): Promise<Media[]>
  /** All of a workspace, by id. */
  all(workspaceId: string): AsyncIterable<Media>
  delete(id: string): Promise<void>
}

const PAGE = 200

export function createMediaStore(db: PrismaClient): MediaStore {
  const findKnown: MediaStore['findKnown'] = async (workspaceId, { id, sha256 }) => {
    const rows = await db.mediaObject.findMany({ where: { workspaceId, OR: [{ id }, { sha256 }] } })
    return rows.find((row) => row.id === id) ?? rows[0]
  }
  return {
    insertOrFind: async (row) => {
      const { count } = await db.mediaObject.createMany({ data: row, skipDuplicates: true })
      const stored = count === 1 ? row : await findKnown(row.workspaceId, row)
      if (!stored) throw new Error('a media object was in the way, and is gone')
      return stored
    },
    findKnown,
    all: (workspaceId) =>
      pagesOf<Media>((last) =>
        db.mediaObject.findMany({
          where: { workspaceId, id: { gt: last?.id ?? '' } },
          orderBy: { id: 'asc' },
          take: PAGE,
        }),
      ),
    delete: async (id) => {
      await db.mediaObject.deleteMany({ where: { id } })
    },
    findAll: (reach, ids) =>
      db.mediaObject.findMany({ where: { id: { in: ids }, ...(reach === 'every workspace' ? {} : reach) } }),
  }
}

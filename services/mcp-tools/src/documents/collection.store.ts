import { AppError } from '@jan/service-kit/errors'
import { newId } from '@jan/service-kit/ids'
import { pagesOf } from '@jan/service-kit/workspace-routes'
import type { Prisma, PrismaClient, Collection as Row } from '../generated/prisma/client.ts'
import type { Collection, FileCounts } from './collection.ts'
import { isStorable } from './storable.ts'

type Page = { limit: number; order: 'asc' | 'desc'; after?: string | undefined; before?: string | undefined }

/** Every function keeps to the workspace it is given. */
export type CollectionStore = {
  /**
   * When its id is there already, a request that crashed after it is being repeated: gives what it made.
   * @throws AppError `forbidden` when the workspace has as many as it may have, not counting the default one
   */
  insertOrFind(row: Collection): Promise<Collection>
  /** Where documents go that nobody named a collection for; made at first use. */
  requireDefault(workspaceId: string): Promise<Collection>
  find(workspaceId: string, id: string): Promise<Collection | undefined>
  /** One page, and one row more if there is more. */
  list(workspaceId: string, page: Page): Promise<Collection[]>
  update(row: Pick<Collection, 'workspaceId' | 'id'>, change: Partial<Collection>): Promise<void>
  /** With its documents. */
  delete(workspaceId: string, id: string): Promise<boolean>
  /** By collection, of those that hold something. */
  countFiles(workspaceId: string, ids: string[]): Promise<Map<string, FileCounts>>
  /** All of a workspace, by id. */
  all(workspaceId: string): AsyncIterable<Collection>
  erase(workspaceId: string): Promise<void>
}

export function createCollectionStore(
  db: PrismaClient,
  { now, maxVectorStores }: { now: () => Date; maxVectorStores: number },
): CollectionStore {
  const findDefault = (workspaceId: string) => db.collection.findFirst({ where: { workspaceId, isDefault: true } })
  return {
    insertOrFind: (row) =>
      db.$transaction(async (tx) => {
        const { id, workspaceId } = row
        // One after the other, so that a rush is counted.
        await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`vector stores ${workspaceId}`}, 0))`
        const known = await tx.collection.findFirst({ where: { id, workspaceId } })
        if (known) return collectionOf(known)
        requireFewer(await tx.collection.count({ where: { workspaceId, isDefault: false } }), maxVectorStores)
        return collectionOf(await tx.collection.create({ data: row }))
      }),
    requireDefault: async (workspaceId) => {
      const found = await findDefault(workspaceId)
      if (found) return collectionOf(found)
      const at = now()
      const row = { workspaceId, name: 'Documents', isDefault: true, createdAt: at, lastActiveAt: at }
      // Of two who come first at once one makes it.
      await db.collection.createMany({ data: { id: newId('vs'), ...row }, skipDuplicates: true })
      return collectionOf((await findDefault(workspaceId))!)
    },
    find: async (workspaceId, id) => {
      if (!isStorable(id)) return undefined
      const row = await db.collection.findFirst({ where: { workspaceId, id } })
      return row ? collectionOf(row) : undefined
    },
    list: async (workspaceId, page) => {
      const rows = await db.collection.findMany({
        where: { workspaceId, ...(await between(db, workspaceId, page)) },
        orderBy: [{ createdAt: page.order }, { id: page.order }],
        take: page.limit + 1,
      })
      return rows.map(collectionOf)
    },
    update: async ({ workspaceId, id }, change) => {
      await db.collection.updateMany({ where: { workspaceId, id }, data: change })
    },
    delete: async (workspaceId, id) => (await db.collection.deleteMany({ where: { workspaceId, id } })).count > 0,
    countFiles: (workspaceId, ids) => countFiles(db, workspaceId, ids),
    all: (workspaceId) =>
      pagesOf<Collection>(async (last) => {
        const where = { workspaceId, id: { gt: last?.id ?? '' } }
        return (await db.collection.findMany({ where, orderBy: { id: 'asc' }, take: 200 })).map(collectionOf)
      }),
    erase: async (workspaceId) => {
      await db.collection.deleteMany({ where: { workspaceId } })
    },
  }
}

function requireFewer(count: number, most: number): void {
  if (count >= most)
    throw new AppError('forbidden', `There may be at most ${most} vector stores; delete some before you create more`)
}

/** A cursor that names nothing leaves nothing to list. */
async function between(db: PrismaClient, workspaceId: string, { order, after, before }: Page) {
  const [later, earlier] = order === 'asc' ? [after, before] : [before, after]
  const side = async (id: string | undefined, operator: 'gt' | 'lt'): Promise<Prisma.CollectionWhereInput[]> => {
    if (id === undefined) return []
    const row = isStorable(id) && (await db.collection.findFirst({ where: { workspaceId, id } }))
    if (!row) return [{ id: { in: [] } }]
    const { createdAt } = row
    return [{ OR: [{ createdAt: { [operator]: createdAt } }, { createdAt, id: { [operator]: id } }] }]
  }
  return { AND: [...(await side(later, 'gt')), ...(await side(earlier, 'lt'))] }
}

async function countFiles(db: PrismaClient, workspaceId: string, ids: string[]): Promise<Map<string, FileCounts>> {
  const rows = await db.document.groupBy({
    by: ['collectionId', 'status'],
    where: { workspaceId, collectionId: { in: ids } },
    _count: true,
    _sum: { bytes: true },
  })
  const counts = new Map<string, FileCounts>()
  for (const { collectionId, status, _count, _sum } of rows) {
    const count = counts.get(collectionId) ?? { completed: 0, failed: 0, bytes: 0 }
    count[status === 'completed' ? 'completed' : 'failed'] = _count
    count.bytes += _sum.bytes ?? 0
    counts.set(collectionId, count)
  }
  return counts
}

const collectionOf = (row: Row): Collection => ({ ...row, metadata: row.metadata as Collection['metadata'] })

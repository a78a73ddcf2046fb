import type { PageQuery } from '@jan/service-kit/page'
import { pagesOf } from '@jan/service-kit/workspace-routes'
import { Prisma, type PrismaClient, type Assistant as Row } from '../generated/prisma/client.ts'
import type { ToolPolicy } from './tool-policy.schema.ts'

/** Workspace and maker are null of a shared one whose maker was erased. */
export type Assistant = Omit<Row, 'deletedAt' | 'tools' | 'metadata'> & {
  tools: ToolPolicy | null
  metadata: Record<string, string>
}

export type AssistantChange = Partial<Omit<Assistant, 'id' | 'createdAt'>> & { updatedAt: Date }

/** A workspace sees its own and those that are shared. Deleted ones are in none of these, unless they say so. */
export type AssistantStore = {
  /** When its id is there already, a request that crashed after it is being repeated: gives what it made. */
  insertOrFind(row: Assistant & { workspaceId: string }): Promise<Assistant | undefined>
  find(workspaceId: string, id: string): Promise<Assistant | undefined>
  /** Undefined unless it is there and as shared as the caller knows it: who may change it depends on that. */
  update(workspaceId: string, known: Assistant, change: AssistantChange): Promise<Assistant | undefined>
  /** @returns whether it was there, as shared as the caller knows it */
  delete(workspaceId: string, known: Assistant, at: Date): Promise<boolean>
  /** One page by time of creation, and one row more if there is more. Undefined: a cursor that was never there. */
  list(workspaceId: string, filter: { shared?: boolean | undefined }, page: PageQuery): Promise<Assistant[] | undefined>
  /** A workspace's own, by id. */
  all(workspaceId: string): AsyncIterable<Assistant>
  /** Shared ones stay, and are nobody's then: others work with them. */
  deleteAll(workspaceId: string): Promise<void>
}

const PAGE = 100

export const createAssistantStore = (db: Pick<PrismaClient, 'assistant' | '$transaction'>): AssistantStore => {
  const find: AssistantStore['find'] = async (workspaceId, id) => {
    const row = await db.assistant.findFirst({ where: { id, deletedAt: null, ...seenBy(workspaceId) } })
    return row ? assistantOf(row) : undefined
  }
  return {
    insertOrFind: async (row) => {
      const { count } = await db.assistant.createMany({ data: columnsOf(row), skipDuplicates: true })
      return count === 1 ? row : find(row.workspaceId, row.id)
    },
    find,
    update: async (workspaceId, { id, shared }, change) => {
      const where = { id, shared, deletedAt: null, ...seenBy(workspaceId) }
      const [row] = await db.assistant.updateManyAndReturn({ where, data: columnsOf(change) })
      return row ? assistantOf(row) : undefined
    },
    delete: async (workspaceId, { id, shared }, at) => {
      const where = { id, shared, deletedAt: null, ...seenBy(workspaceId) }
      const { count } = await db.assistant.updateMany({ where, data: { ...EMPTY, deletedAt: at } })
      return count === 1
    },
    list: async (workspaceId, { shared }, { limit, order, after, before }) => {
      const cursors = [after, before].flatMap((id) => (id === undefined ? [] : [id]))
      const known = await db.assistant.findMany({ where: { id: { in: cursors }, ...seenBy(workspaceId) } })
      if (known.length < new Set(cursors).size) return undefined
      const [later, earlier] = order === 'asc' ? [after, before] : [before, after]
      const beyond = (id: string | undefined, side: 'gt' | 'lt') => {
        const at = known.find((each) => each.id === id)
        return at
          ? [{ OR: [{ createdAt: { [side]: at.createdAt } }, { createdAt: at.createdAt, id: { [side]: at.id } }] }]
          : []
      }
      const isShared = shared === undefined ? {} : { shared }
      const rows = await db.assistant.findMany({
        where: {
          AND: [
            { deletedAt: null, ...isShared },
            seenBy(workspaceId),
            ...beyond(later, 'gt'),
            ...beyond(earlier, 'lt'),
          ],
        },
        orderBy: [{ createdAt: order }, { id: order }],
        take: limit + 1,
      })
      return rows.map(assistantOf)
    },
    all: (workspaceId) =>
      pagesOf<Assistant>(async (last) => {
        const where = { workspaceId, deletedAt: null, id: { gt: last?.id ?? '' } }
        return (await db.assistant.findMany({ where, orderBy: { id: 'asc' }, take: PAGE })).map(assistantOf)
      }),
    deleteAll: async (workspaceId) => {
      await db.$transaction([
        db.assistant.deleteMany({ where: { workspaceId, OR: [{ shared: false }, { deletedAt: { not: null } }] } }),
        db.assistant.updateMany({ where: { workspaceId }, data: { workspaceId: null, createdBy: null } }),
      ])
    },
  }
}

const EMPTY = {
  name: '',
  description: null,
  model: null,
  instructions: null,
  temperature: null,
  tools: Prisma.DbNull,
  metadata: {},
}

const seenBy = (workspaceId: string): Prisma.AssistantWhereInput => ({ OR: [{ workspaceId }, { shared: true }] })

/** JSON's null is not the column's. */
const columnsOf = <T extends Partial<Assistant>>({ tools, ...row }: T) => ({
  ...row,
  ...(tools === undefined ? {} : { tools: tools ?? Prisma.DbNull }),
})

const assistantOf = ({ deletedAt: _, tools, metadata, ...row }: Row): Assistant => ({
  ...row,
  tools: tools as ToolPolicy | null,
  metadata: metadata as Record<string, string>,
})

import { uniqueViolation } from '@jan/service-kit/postgres-errors'
import { pagesOf } from '@jan/service-kit/workspace-routes'
import type { Prisma, PrismaClient, Project as Row } from '../generated/prisma/client.ts'
import type { Position } from './project-cursor.ts'

export type Project = Omit<Row, 'deletedAt'>

/** `isArchived`: the time of it stays when it was archived before. */
export type ProjectChange = Partial<Pick<Project, 'name' | 'instruction' | 'isFavorite'>> & {
  isArchived?: boolean
  at: Date
}

export type ProjectFilter = {
  archived?: boolean | undefined
  favorite?: boolean | undefined
  search?: string | undefined
}

export type ProjectPage = { limit: number; order: 'asc' | 'desc'; from: Position | undefined }

/** Deleted ones are in none of these, unless they say so. */
export type ProjectStore = {
  /** When its id is there already, a request that crashed after it is being repeated: gives what it made. Undefined: the name is taken. */
  insertOrFind(row: Project): Promise<Project | undefined>
  find(workspaceId: string, id: string): Promise<Project | undefined>
  /** Undefined: there is none. */
  update(workspaceId: string, id: string, change: ProjectChange): Promise<Project | 'name is taken' | undefined>
  /** @returns whether it was there */
  delete(workspaceId: string, id: string, at: Date): Promise<boolean>
  /** Of deleted ones, too. */
  positionOf(workspaceId: string, id: string): Promise<Position | undefined>
  /** One page, and one row more if there is more. */
  list(workspaceId: string, filter: ProjectFilter, page: ProjectPage): Promise<Project[]>
  count(workspaceId: string, filter: ProjectFilter): Promise<number>
  /** All of a workspace, by id. */
  all(workspaceId: string): AsyncIterable<Project>
  deleteAll(workspaceId: string): Promise<void>
}

const PAGE = 500

export const createProjectStore = (db: Pick<PrismaClient, 'project' | '$transaction'>): ProjectStore => ({
  insertOrFind: async (row) => {
    const { count } = await db.project.createMany({ data: row, skipDuplicates: true })
    return count === 1 ? row : find(db, row.workspaceId, row.id)
  },
  find: (workspaceId, id) => find(db, workspaceId, id),
  update: (workspaceId, id, { isArchived, at, ...fields }) =>
    db
      .$transaction(async (tx) => {
        const where = { id, workspaceId, deletedAt: null }
        const data = { ...fields, updatedAt: at, ...(isArchived === false ? { archivedAt: null } : {}) }
        await tx.project.updateMany({ where, data })
        if (isArchived) await tx.project.updateMany({ where: { ...where, archivedAt: null }, data: { archivedAt: at } })
        return find(tx, workspaceId, id)
      })
      .catch((error: unknown) => {
        if (uniqueViolation(error)) return 'name is taken' as const
        throw error
      }),
  delete: async (workspaceId, id, at) => {
    const { count } = await db.project.updateMany({
      where: { id, workspaceId, deletedAt: null },
      data: { deletedAt: at, name: '', instruction: null },
    })
    return count === 1
  },
  positionOf: async (workspaceId, id) =>
    (await db.project.findFirst({ where: { id, workspaceId }, select: { id: true, updatedAt: true } })) ?? undefined,
  list: async (workspaceId, filter, { limit, order, from }) => {
    const where = { AND: [whereOf(workspaceId, filter), from ? beyond(from, order) : {}] }
    const rows = await db.project.findMany({ where, orderBy: [{ updatedAt: order }, { id: order }], take: limit + 1 })
    return rows.map(projectOf)
  },
  count: (workspaceId, filter) => db.project.count({ where: whereOf(workspaceId, filter) }),
  all: (workspaceId) =>
    pagesOf<Project>(async (last) => {
      const where = { workspaceId, deletedAt: null, id: { gt: last?.id ?? '' } }
      return (await db.project.findMany({ where, orderBy: { id: 'asc' }, take: PAGE })).map(projectOf)
    }),
  deleteAll: async (workspaceId) => {
    await db.project.deleteMany({ where: { workspaceId } })
  },
})

async function find(db: Pick<PrismaClient, 'project'>, workspaceId: string, id: string): Promise<Project | undefined> {
  const row = await db.project.findFirst({ where: { id, workspaceId, deletedAt: null } })
  return row ? projectOf(row) : undefined
}

const whereOf = (workspaceId: string, { archived, favorite, search }: ProjectFilter): Prisma.ProjectWhereInput => ({
  workspaceId,
  deletedAt: null,
  ...(archived === undefined ? {} : { archivedAt: archived ? { not: null } : null }),
  ...(favorite === undefined ? {} : { isFavorite: favorite }),
  ...(search ? { name: { contains: literal(search), mode: 'insensitive' } } : {}),
})

/** Of LIKE, whose signs Prisma hands on. */
const literal = (text: string) => text.replace(/[\\%_]/g, '\\$&')

function beyond({ updatedAt, id }: Position, order: 'asc' | 'desc'): Prisma.ProjectWhereInput {
  const side = order === 'asc' ? 'gt' : 'lt'
  return { OR: [{ updatedAt: { [side]: updatedAt } }, { updatedAt, id: { [side]: id } }] }
}

const projectOf = ({ deletedAt: _, ...project }: Row): Project => project

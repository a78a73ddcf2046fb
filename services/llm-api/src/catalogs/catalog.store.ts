import type { ModelCatalog, PrismaClient } from '../generated/prisma/client.ts'
import type { Offset } from '../models/model.store.ts'
import type { CatalogFacts } from '../models/model-facts.ts'

export type CatalogRow = Omit<ModelCatalog, 'listed' | 'edits'> & { listed: CatalogFacts; edits: CatalogFacts }

export type CatalogStatus = 'init' | 'filled' | 'updated'
export type CatalogFilter = {
  status?: CatalogStatus | undefined
  isModerated?: boolean | undefined
  active?: boolean | undefined
}
export type CatalogToggle = { enable: boolean; ids: string[]; except: string[] }

/** What is told of models, by their public names. */
export type CatalogStore = {
  /** Without what providers say of them: those that are off, and those that an admin changed. */
  special(): Promise<Pick<CatalogRow, 'id' | 'active' | 'edits'>[]>
  get(id: string): Promise<CatalogRow | undefined>
  page(filter: CatalogFilter, page: Offset): Promise<{ rows: CatalogRow[]; total: number }>
  edit(id: string, edits: CatalogFacts, reset: string[]): Promise<CatalogRow | undefined>
  /** Those of `ids` that there are. */
  known(ids: string[]): Promise<Set<string>>
  /** All when `ids` is empty; with their models when they are switched off. */
  toggle(toggle: CatalogToggle): Promise<{ updated: number; checked: number; models: number }>
}

type Db = Pick<PrismaClient, 'modelCatalog' | 'providerModel' | '$transaction' | '$executeRaw' | '$queryRaw'>

export const createCatalogStore = ({ prisma, now }: { prisma: Db; now: () => Date }): CatalogStore => {
  const get = async (id: string) => {
    const row = await prisma.modelCatalog.findUnique({ where: { id } })
    return row ? rowOf(row) : undefined
  }
  return {
    get,
    special: async () => {
      const where = { OR: [{ active: false }, { NOT: { edits: { equals: {} } } }] }
      const rows = await prisma.modelCatalog.findMany({ where, select: { id: true, active: true, edits: true } })
      return rows.map((row) => ({ ...row, edits: row.edits as CatalogFacts }))
    },
    page: async (filter, { limit, offset, order }) => {
      const { status = null, isModerated = null, active = null } = filter
      const found = await prisma.$queryRaw<{ id: string }[]>`SELECT id FROM model_catalog
        WHERE (${active}::boolean IS NULL OR active = ${active})
          AND (${isModerated}::boolean IS NULL
            OR coalesce((listed || edits) -> 'isModerated' = 'true', false) = ${isModerated})
          AND (${status}::text IS NULL
            OR ${status} = CASE WHEN edits <> '{}' THEN 'updated' WHEN filled THEN 'filled' ELSE 'init' END)
        ORDER BY created_at, id`
      const ids = found.map(({ id }) => id)
      if (order === 'desc') ids.reverse()
      const where = { id: { in: ids.slice(offset, offset + limit) } }
      const rows = await prisma.modelCatalog.findMany({ where, orderBy: [{ createdAt: order }, { id: order }] })
      return { rows: rows.map(rowOf), total: ids.length }
    },
    edit: async (id, edits, reset) => {
      const changed = await prisma.$executeRaw`UPDATE model_catalog
        SET edits = (edits || ${JSON.stringify(edits)}::jsonb) - ${reset}::text[], updated_at = ${now()} WHERE id = ${id}`
      return changed > 0 ? get(id) : undefined
    },
    known: async (ids) => {
      const rows = await prisma.modelCatalog.findMany({ where: { id: { in: ids } }, select: { id: true } })
      return new Set(rows.map(({ id }) => id))
    },
    toggle: async ({ enable, ids, except }) => {
      const at = now()
      const chosen = ids.length > 0 ? { id: { in: ids } } : {}
      const where = { ...chosen, NOT: { id: { in: except } } }
      const models = {
        goneAt: null,
        publicId: { ...(ids.length > 0 ? { in: ids } : {}), notIn: except },
      }
      const [checked, { count: updated }, counted] = await prisma.$transaction([
        prisma.modelCatalog.count({ where: chosen }),
        prisma.modelCatalog.updateMany({ where, data: { active: enable, updatedAt: at } }),
        enable
          ? prisma.providerModel.updateMany({ where: { id: { in: [] } }, data: {} })
          : prisma.providerModel.updateMany({ where: models, data: { active: false, updatedAt: at } }),
      ])
      return { updated, checked, models: enable ? await prisma.providerModel.count({ where: models }) : counted.count }
    },
  }
}

const rowOf = (row: ModelCatalog): CatalogRow => ({
  ...row,
  listed: row.listed as CatalogFacts,
  edits: row.edits as CatalogFacts,
})

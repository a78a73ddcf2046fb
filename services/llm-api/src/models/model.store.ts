import type { PrismaClient, ProviderModel as Row } from '../generated/prisma/client.ts'
import type { CatalogFacts, ModelFacts } from './model-facts.ts'

export type ModelRow = Omit<Row, 'listed' | 'edits'> & { listed: ModelFacts; edits: ModelFacts }

/** A model as its provider listed it just now. */
export type ListedRow = Pick<ModelRow, 'id' | 'modelId' | 'publicId' | 'ownedBy' | 'listed'> & {
  createdAt: Date | undefined
  catalog: CatalogFacts
  /** Told by a provider that describes its models. */
  isDescribed: boolean
}

export type ModelFilter = {
  providerIds: string[]
  publicId?: string | undefined
  active?: boolean | undefined
  supportsImages?: boolean | undefined
}
export type Offset = { limit: number; offset: number; order: 'asc' | 'desc' }
export type Toggle = { enable: boolean; providerIds: string[]; except: string[] }

export type ListedFrom = {
  /** Whether models that are new are offered. */
  enablesNew: boolean
  /** Where it was asked: a provider that has moved since then is left as it is. */
  baseUrl: string | undefined
}

/** What providers have offered. Shared by everyone: no workspace owns it. */
export type ModelStore = {
  /** All that is listed now. */
  list(): Promise<ModelRow[]>
  /** The provider's own name → ours, of all that one provider ever listed. */
  publicIds(providerId: string): Promise<Map<string, string>>
  /** Takes over a fresh list: what is left out of it is gone. @returns whether anything is different now */
  replace(providerId: string, listed: ListedRow[], from: ListedFrom): Promise<boolean>
  /** Adds models that are not listed. */
  add(providerId: string, listed: ListedRow[]): Promise<void>
  page(filter: ModelFilter, page: Offset): Promise<{ rows: ModelRow[]; total: number }>
  get(id: string): Promise<ModelRow | undefined>
  /** @param reset edits to take back */
  edit(id: string, edits: ModelFacts, reset: string[], active: boolean | undefined): Promise<ModelRow | undefined>
  /** In one statement for all. Models whose catalog is off are not switched on. */
  toggle(toggle: Toggle): Promise<{ updated: number; checked: number }>
}

type Prisma = Pick<
  PrismaClient,
  'provider' | 'providerModel' | 'modelCatalog' | '$transaction' | '$executeRaw' | '$queryRaw'
>

export const createModelStore = ({ prisma, now }: { prisma: Prisma; now: () => Date }): ModelStore => {
  const get = async (id: string) => {
    const row = await prisma.providerModel.findUnique({ where: { id } })
    return row ? rowOf(row) : undefined
  }
  return {
    get,
    list: async () => (await prisma.providerModel.findMany({ where: { goneAt: null } })).map(rowOf),
    publicIds: async (providerId) => {
      const select = { modelId: true, publicId: true }
      const rows = await prisma.providerModel.findMany({ where: { providerId }, select })
      return new Map(rows.map(({ modelId, publicId }) => [modelId, publicId]))
    },
    replace: (providerId, listed, { enablesNew, baseUrl }) =>
      prisma.$transaction(async (tx) => {
        const at = now()
        const ids = listed.map(({ modelId }) => modelId)
        // First, and in every replica: they write one after another.
        const asked = await tx.provider.updateMany({
          where: { id: providerId, ...(baseUrl === undefined ? {} : { baseUrl }) },
          data: { syncedAt: at, failedAt: null, lastError: null },
        })
        if (asked.count === 0) return false
        let changes = await tx.$executeRaw`UPDATE provider_model SET gone_at = ${at}
          WHERE provider_id = ${providerId} AND gone_at IS NULL AND NOT (model_id = ANY (${ids}))`
        for (const write of modelWrites(tx, providerId, listed, { at, enablesNew })) changes += await write
        return changes > 0
      }),
    add: async (providerId, listed) => {
      await prisma.$transaction(modelWrites(prisma, providerId, listed, { at: now(), enablesNew: true }))
    },
    page: async (filter, { limit, offset, order }) => {
      const { providerIds, publicId = null, active = null, supportsImages = null } = filter
      const found = await prisma.$queryRaw<{ id: string }[]>`SELECT id FROM provider_model
        WHERE gone_at IS NULL AND provider_id = ANY (${providerIds})
          AND (${publicId}::text IS NULL OR public_id = ${publicId})
          AND (${active}::boolean IS NULL OR active = ${active})
          AND (${supportsImages}::boolean IS NULL
            OR coalesce((listed || edits) -> 'supportsImages' = 'true', false) = ${supportsImages})
        ORDER BY id`
      const ids = found.map(({ id }) => id)
      if (order === 'desc') ids.reverse()
      const where = { id: { in: ids.slice(offset, offset + limit) } }
      const rows = await prisma.providerModel.findMany({ where, orderBy: { id: order } })
      return { rows: rows.map(rowOf), total: ids.length }
    },
    edit: async (id, edits, reset, active) => {
      const changed = await prisma.$executeRaw`UPDATE provider_model
        SET edits = (edits || ${JSON.stringify(edits)}::jsonb) - ${reset}::text[],
          active = coalesce(${active ?? null}::boolean, active), updated_at = ${now()} WHERE id = ${id} AND gone_at IS NULL`
      return changed > 0 ? get(id) : undefined
    },
    toggle: async ({ enable, providerIds, except }) => {
      const of = { goneAt: null, providerId: { in: providerIds } }
      const [checked, updated] = await prisma.$transaction([
        prisma.providerModel.count({ where: of }),
        prisma.$executeRaw`UPDATE provider_model SET active = ${enable}, updated_at = ${now()}
          WHERE gone_at IS NULL AND provider_id = ANY (${providerIds}) AND NOT (public_id = ANY (${except}))
            AND NOT (${enable} AND EXISTS (SELECT FROM model_catalog
              WHERE model_catalog.id = public_id AND NOT model_catalog.active))`,
      ])
      return { updated, checked }
    },
  }
}

/** Two statements, however many models: what is as it was is not written. Sorted, so that no two writers wait for each other. */
export function modelWrites(
  prisma: Pick<Prisma, '$executeRaw'>,
  providerId: string,
  listed: ListedRow[],
  { at, enablesNew }: { at: Date; enablesNew: boolean },
) {
  const models = sorted(listed, ({ modelId }) => modelId)
  const catalogs = sorted([...new Map(listed.map((row) => [row.publicId, row])).values()], (row) => row.publicId)
  return [
    prisma.$executeRaw`INSERT INTO provider_model AS known
        (id, provider_id, model_id, public_id, owned_by, listed, active, created_at, updated_at)
      SELECT id, ${providerId}, "modelId", "publicId", "ownedBy", listed, ${enablesNew}, coalesce("createdAt", ${at}), ${at}
      FROM jsonb_to_recordset(${storable(models)}::jsonb) AS fresh
        (id text, "modelId" text, "publicId" text, "ownedBy" text, listed jsonb, "createdAt" timestamptz)
      ON CONFLICT (provider_id, model_id) DO UPDATE SET public_id = excluded.public_id, owned_by = excluded.owned_by,
        listed = excluded.listed, gone_at = NULL, updated_at = excluded.updated_at,
        created_at = least(known.created_at, excluded.created_at)
      WHERE known.gone_at IS NOT NULL OR (known.public_id, known.owned_by, known.listed)
        IS DISTINCT FROM (excluded.public_id, excluded.owned_by, excluded.listed)`,
    prisma.$executeRaw`INSERT INTO model_catalog AS known
        (id, listed, listed_by, filled, active, created_at, updated_at)
      SELECT "publicId", catalog, ${providerId}, "isDescribed", true, ${at}, ${at}
      FROM jsonb_to_recordset(${storable(catalogs)}::jsonb) AS fresh
        ("publicId" text, catalog jsonb, "isDescribed" boolean)
      ON CONFLICT (id) DO UPDATE SET listed = excluded.listed, listed_by = excluded.listed_by, filled = excluded.filled,
        updated_at = excluded.updated_at
      WHERE (excluded.filled OR NOT known.filled OR known.listed_by = excluded.listed_by)
        AND known.listed IS DISTINCT FROM excluded.listed`,
  ]
}

function sorted<T>(rows: T[], by: (row: T) => string): T[] {
  return [...rows].sort((one, other) => (by(one) < by(other) ? -1 : 1))
}

/** PostgreSQL keeps neither NUL nor half a surrogate pair in JSON. */
const storable = (rows: unknown): string =>
  JSON.stringify(rows, (_key, value: unknown) =>
    typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '') : value,
  )

const rowOf = (row: Row): ModelRow => ({
  ...row,
  listed: row.listed as ModelFacts,
  edits: row.edits as ModelFacts,
})

import { Prisma } from '../generated/prisma/client.ts'
import type { AttributeFilter, DocumentFilter } from './document.ts'
import { isStorable } from './storable.ts'

/** A condition on `document d`. What PostgreSQL cannot keep is nowhere: nothing fits it. */
export function matching(workspaceId: string, { ids: named, ...filter }: DocumentFilter): Prisma.Sql {
  if (!isStorable(filter)) return Prisma.sql`false`
  const { collectionId, tags, metadata, attributes, status, unexpired = false } = filter
  const ids = named?.filter(isStorable)
  const conditions = [
    Prisma.sql`d.workspace_id = ${workspaceId}`,
    ...(collectionId === undefined ? [] : [Prisma.sql`d.collection_id = ${collectionId}`]),
    ...(ids === undefined ? [] : [Prisma.sql`d.id = ANY(${ids}::text[])`]),
    ...(tags === undefined ? [] : [Prisma.sql`d.tags @> ${tags}::text[]`]),
    ...(metadata === undefined ? [] : [Prisma.sql`d.metadata @> ${JSON.stringify(metadata)}::jsonb`]),
    ...(attributes === undefined ? [] : [labelled(attributes)]),
    ...(status === undefined ? [] : [Prisma.sql`d.status = ${status}`]),
    ...(unexpired ? [Prisma.sql`d.collection_id NOT IN (${expiredOf(workspaceId)})`] : []),
  ]
  return Prisma.join(conditions, ' AND ')
}

/** The ids of a workspace's collections that have expired: they are few, if any. */
export const expiredOf = (workspaceId: string): Prisma.Sql => Prisma.sql`
  SELECT c.id FROM collection c
  WHERE c.workspace_id = ${workspaceId} AND c.last_active_at + make_interval(days => c.expires_after_days) <= now()`

/** Whether a filter says anything about documents beyond whose they are, and that they are not expired. */
export const isNarrow = ({ unexpired: _, ...filter }: DocumentFilter): boolean =>
  Object.values(filter).some((condition) => condition !== undefined)

const COMPARED = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const

function labelled(filter: AttributeFilter): Prisma.Sql {
  if (filter.type === 'and' || filter.type === 'or') {
    const parts = filter.filters.map(labelled)
    if (parts.length === 0) return Prisma.sql`true`
    return Prisma.join(parts, filter.type === 'and' ? ' AND ' : ' OR ', '(', ')')
  }
  const label = Prisma.sql`(d.metadata -> ${filter.key}::text)`
  if (filter.type === 'in' || filter.type === 'nin') {
    const isOne = Prisma.sql`coalesce(${label} IN (SELECT jsonb_array_elements(${JSON.stringify(filter.value)}::jsonb)), false)`
    return filter.type === 'in' ? isOne : Prisma.sql`NOT ${isOne}`
  }
  const value = Prisma.sql`${JSON.stringify(filter.value)}::jsonb`
  if (filter.type === 'eq') return Prisma.sql`${label} = ${value}`
  if (filter.type === 'ne') return Prisma.sql`${label} IS DISTINCT FROM ${value}`
  // PostgreSQL orders all of JSON; here a number is not less than a word.
  return Prisma.sql`(jsonb_typeof(${label}) = jsonb_typeof(${value}) AND ${label} ${Prisma.raw(COMPARED[filter.type])} ${value})`
}

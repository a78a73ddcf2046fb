import type { CatalogFacts } from '../models/model-facts.ts'
import { readListedModel } from '../models/read-listed-model.ts'
import type { CatalogRow, CatalogStatus } from './catalog.store.ts'

/** Of a model of which nobody has said anything yet. */
export const UNTOLD: CatalogFacts = readListedModel({ id: '', entry: {} }).catalog

const unix = (at: Date) => Math.floor(at.getTime() / 1000)

export function presentCatalog(row: CatalogRow, syncedAt: Date | null) {
  const { supportedParameters, architecture, tags, notes, isModerated, aliases, displayOrder, longer } = {
    ...UNTOLD,
    ...row.listed,
    ...row.edits,
  }
  return {
    id: row.id,
    object: 'model_catalog' as const,
    supported_parameters: supportedParameters!,
    architecture: architecture!,
    ...(tags ? { tags } : {}),
    ...(notes ? { notes } : {}),
    ...(isModerated === undefined || isModerated === null ? {} : { is_moderated: isModerated }),
    active: row.active,
    aliases: aliases ?? [],
    display_order: displayOrder ?? null,
    longer: longer ?? null,
    status: statusOf(row),
    ...(syncedAt ? { last_synced_at: unix(syncedAt) } : {}),
    created_at: unix(row.createdAt),
    updated_at: unix(row.updatedAt),
  }
}

/** With all that its provider says, which may name files of its machine. */
export function presentAdminCatalog(row: CatalogRow, syncedAt: Date | null) {
  const { extras } = { ...row.listed, ...row.edits }
  const edited = Object.keys(row.edits).map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))
  return { ...presentCatalog(row, syncedAt), ...(extras ? { extras } : {}), edited }
}

const statusOf = ({ edits, filled }: CatalogRow): CatalogStatus =>
  Object.keys(edits).length > 0 ? 'updated' : filled ? 'filled' : 'init'

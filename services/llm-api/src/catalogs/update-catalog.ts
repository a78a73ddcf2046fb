import { AppError, invalid } from '@jan/service-kit/errors'
import type { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { CatalogFacts } from '../models/model-facts.ts'
import type { UpdateCatalog } from './catalog.schema.ts'
import type { CatalogRow } from './catalog.store.ts'
import { UNTOLD } from './present-catalog.ts'

type Needs = Pick<Deps, 'models' | 'modelStores'>
type Input = z.output<typeof UpdateCatalog>

/**
 * Sets what an admin says of a model, which stays when its providers are asked again.
 * @throws AppError `not_found`, `invalid_request`; `conflict` for an alias that is the name of another model
 */
export async function updateCatalog(deps: Needs, id: string, input: Input): Promise<CatalogRow> {
  const row = await requireCatalog(deps, id)
  for (const alias of input.aliases ?? []) requireFreeName(deps, alias, row.id)
  if (input.longer) requireLonger(deps, input.longer, row.id)
  const reset = (input.reset ?? []).map((name) => FIELDS[name])
  const changed = await deps.modelStores.catalogs.edit(row.id, editsOf(input, row), reset)
  if (!changed) throw notThere(id)
  await deps.models.changed()
  return changed
}

/** By any name of the model. @throws AppError `not_found` */
export async function requireCatalog(deps: Needs, id: string): Promise<CatalogRow> {
  const { catalogs } = deps.modelStores
  const row = (await catalogs.get(id)) ?? (await catalogs.get(deps.models.known(id)?.id ?? id.toLowerCase()))
  if (!row) throw notThere(id)
  return row
}

const notThere = (id: string) => new AppError('not_found', `There is no catalog of the model '${id}'`)

function requireFreeName({ models }: Pick<Deps, 'models'>, alias: string, id: string): void {
  const other = models.known(alias)
  if (other && other.id !== id)
    throw new AppError('conflict', `aliases: '${alias}' is a name of the model '${other.id}'`, { param: 'aliases' })
}

function requireLonger({ models }: Pick<Deps, 'models'>, longer: string, id: string): void {
  const model = models.known(longer)
  if (!model) throw invalid(`longer: the model '${longer}' does not exist`, 'longer')
  if (model.id === id) throw invalid('longer: expected another model', 'longer')
}

/** On the wire → inside. */
const FIELDS: Record<NonNullable<Input['reset']>[number], keyof CatalogFacts> = {
  supported_parameters: 'supportedParameters',
  architecture: 'architecture',
  tags: 'tags',
  notes: 'notes',
  is_moderated: 'isModerated',
  extras: 'extras',
  aliases: 'aliases',
  display_order: 'displayOrder',
  longer: 'longer',
}

function editsOf(input: Input, { listed, edits: before }: CatalogRow): CatalogFacts {
  const edits: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(FIELDS)) {
    const value = input[name as keyof typeof FIELDS]
    if (value !== undefined) edits[field] = value === null && LISTS.has(name) ? [] : value
  }
  // What is not said of it stays: it has no field that may be missing.
  if (input.architecture)
    edits.architecture = {
      ...(before.architecture ?? listed.architecture ?? UNTOLD.architecture),
      ...input.architecture,
    }
  return edits
}

const LISTS = new Set(['tags', 'aliases'])

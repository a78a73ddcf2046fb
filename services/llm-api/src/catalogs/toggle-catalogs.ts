import { AppError } from '@jan/service-kit/errors'
import type { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { ToggleCatalogs } from './catalog.schema.ts'

/**
 * Switches models on or off for everybody, under whatever provider. Off takes their provider models along; on leaves
 * those as they are. In as many statements for a thousand as for one.
 * @throws AppError `not_found` when one of the ids is unknown: nothing is changed then
 */
export async function toggleCatalogs(
  deps: Pick<Deps, 'models' | 'modelStores'>,
  { enable, catalog_ids: ids, except_models: except }: z.output<typeof ToggleCatalogs>,
) {
  const known = await deps.modelStores.catalogs.known(ids)
  const unknown = ids.find((id) => !known.has(id))
  if (unknown !== undefined) throw new AppError('not_found', `There is no catalog of the model '${unknown}'`)
  const { updated, checked, models } = await deps.modelStores.catalogs.toggle({ enable, ids: [...known], except })
  await deps.models.changed()
  return {
    updated_count: updated,
    skipped_count: checked - updated + (enable ? models : 0),
    failed_count: 0,
    total_checked: checked,
  }
}

import { MediaId } from '@jan/contracts/media'
import { AppError } from '@jan/service-kit/errors'
import type { Reach } from '../access/reach.ts'
import type { Deps } from '../deps.ts'
import type { Media } from './media.store.ts'

/**
 * The objects of these ids, by id.
 * @throws AppError `not_found` naming every id that is unknown, or not the caller's
 */
export async function requireMedia(
  { media }: Pick<Deps, 'media'>,
  reach: Reach,
  ids: string[],
): Promise<Map<string, Media>> {
  const possible = ids.filter((id) => MediaId.safeParse(id).success)
  const rows = possible.length > 0 ? await media.findAll(reach, possible) : []
  const found = new Map(rows.map((row) => [row.id, row]))
  const missing = ids.filter((id) => !found.has(id))
  if (missing.length > 0) throw new AppError('not_found', `Media not found: ${missing.join(', ')}`)
  return found
}

/** One object. @throws AppError `not_found` */
export async function requireOneMedia(deps: Pick<Deps, 'media'>, reach: Reach, id: string): Promise<Media> {
  const found = await requireMedia(deps, reach, [id])
  return found.get(id)!
}

import type { Caller } from '@jan/service-kit/auth'
import { notFound } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import { reachOf } from '../access/reach.ts'
import { requireOneMedia } from './require-media.ts'

/** From now on nobody sees it; its bytes are removed later. @throws AppError `not_found` */
export async function deleteMedia(
  deps: Parameters<typeof requireOneMedia>[0],
  who: Who<Caller>,
  id: string,
): Promise<void> {
  const media = await requireOneMedia(deps, who, reachOf(who.caller), id)
  if (!(await deps.media.delete(media.id))) throw notFound('Media', id)
}

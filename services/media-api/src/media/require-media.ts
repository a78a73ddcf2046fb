import { MediaId } from '@jan/contracts/media'
import type { Caller } from '@jan/service-kit/auth'
import { AppError } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import { mayReach, type Reach } from '../access/reach.ts'
import type { Deps } from '../deps.ts'
import { completeSlot } from './complete-upload.ts'
import type { Media } from './media.store.ts'
import type { Slot } from './slot.store.ts'

type Needs = Pick<
  Deps,
  'media' | 'slots' | 'storage' | 'scanner' | 'texts' | 'turns' | 'completing' | 'settings' | 'now'
>

/**
 * The objects of these ids, by id. A direct upload that nobody completed is completed by this first use of it.
 * @throws AppError `not_found` naming every id that is unknown, or not the caller's
 */
export async function requireMedia(
  deps: Needs,
  who: Who<Caller>,
  reach: Reach,
  ids: string[],
): Promise<Map<string, Media>> {
  const possible = ids.filter((id) => MediaId.safeParse(id).success)
  const rows = possible.length > 0 ? await deps.media.findAll(reach, possible) : []
  const found = new Map(rows.map((row) => [row.id, row]))
  const others = possible.filter((id) => !found.has(id))
  if (others.length > 0)
    for (const slot of await deps.slots.findAll(others))
      if (mayReach(reach, slot.workspaceId)) {
        const media = await completed(deps, who, slot)
        if (media) found.set(slot.id, media)
      }
  const missing = ids.filter((id) => !found.has(id))
  if (missing.length > 0) throw new AppError('not_found', `Media not found: ${missing.join(', ')}`)
  return found
}

/** One object. @throws AppError `not_found` */
export async function requireOneMedia(deps: Needs, who: Who<Caller>, reach: Reach, id: string): Promise<Media> {
  const found = await requireMedia(deps, who, reach, [id])
  return found.get(id)!
}

/** What came to a slot; undefined while there is nothing, or nothing good: the slot's own route says what is wrong. */
async function completed(deps: Needs, who: Who<Caller>, slot: Slot): Promise<Media | undefined> {
  try {
    return (await completeSlot(deps, who, slot)).media
  } catch (error) {
    if (error instanceof AppError && error.status < 500) return undefined
    throw error
  }
}

import { MediaId } from '@jan/contracts/media'
import type { Caller } from '@jan/service-kit/auth'
import { AppError, notFound } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import { mayReach, reachOf } from '../access/reach.ts'
import type { Deps } from '../deps.ts'
import { arrivalKey, judgedKey } from './arrival-key.ts'
import type { Media } from './media.store.ts'
import { roomOf } from './quota.ts'
import { judgeStored } from './receive-content.ts'
import { retainedUntil } from './retained-until.ts'
import type { Slot } from './slot.store.ts'
import { type StoredMedia, storeReceived } from './store-received.ts'

type Needs = Pick<
  Deps,
  'media' | 'slots' | 'storage' | 'scanner' | 'texts' | 'turns' | 'completing' | 'settings' | 'now'
>

/** Makes an object of what was sent to a slot; again, it answers the same. @throws AppError when it is not what was announced */
export async function completeUpload(deps: Needs, who: Who<Caller>, id: string): Promise<StoredMedia> {
  if (!MediaId.safeParse(id).success) throw notFound('Media', id)
  const [slot] = await deps.slots.findAll([id])
  if (!slot || !mayReach(reachOf(who.caller), slot.workspaceId)) {
    const [media] = await deps.media.findAll(reachOf(who.caller), [id])
    if (media) return { media, deduped: false }
    throw notFound('Media', id)
  }
  return completeSlot(deps, who, slot)
}

/** @throws AppError `conflict` while nothing has come; `invalid_request`, `unsupported_media_type` and more for bad bytes, which are not kept */
export async function completeSlot(deps: Needs, who: Who<Caller>, { id }: Slot): Promise<StoredMedia> {
  // A turn keeps a connection while bytes are judged, and for a connection nobody waits longer than seconds.
  const done = await deps.completing.take(who.signal)
  try {
    return await deps.turns.wait(`slot ${id}`, async () => {
      const [slot] = await deps.slots.findAll([id])
      if (!slot) throw notFound('Media', id)
      if (slot.mediaId !== null) return { media: await becomeOf(deps, slot), deduped: slot.mediaId !== slot.id }
      return judgeSlot(deps, who, slot)
    })
  } finally {
    done()
  }
}

async function judgeSlot(deps: Needs, who: Who<Caller>, slot: Slot): Promise<StoredMedia> {
  // The URL is good for a while yet, so what is judged must first lie where it cannot be written to.
  const storageKey = judgedKey(slot.id)
  await deps.storage.move(arrivalKey(slot.id), storageKey, { type: 'application/octet-stream' })
  const found = await deps.storage.head(storageKey)
  if (!found) {
    if (slot.expiresAt <= deps.now()) throw notFound('Media', slot.id)
    throw new AppError('conflict', `Nothing was uploaded for ${slot.id} yet, or what came was refused`)
  }
  const announced = { length: slot.bytes ?? undefined, filename: slot.filename ?? undefined, declared: slot.mime }
  try {
    if (slot.bytes !== null && found.bytes !== slot.bytes)
      throw new AppError('invalid_request', `${found.bytes} bytes came where ${slot.bytes} were announced`)
    const received = await judgeStored(deps, storageKey, announced, await roomOf(deps, slot.workspaceId))
    if (!received) throw notFound('Media', slot.id)
    const { workspaceId, createdBy } = slot
    const naming = {
      id: slot.id,
      owner: { workspaceId, createdBy },
      filename: announced.filename,
      announced: slot.sha256,
    }
    const stored = await storeReceived(deps, who, received, { ...naming, expiresAt: retainedUntil(deps) })
    await deps.slots.complete(slot.id, stored.media.id)
    return stored
  } catch (error) {
    // An outage is no verdict: what has come stays for the next try.
    if (error instanceof AppError && error.status < 500) await deps.storage.delete(storageKey)
    throw error
  }
}

async function becomeOf(deps: Needs, slot: Slot): Promise<Media> {
  const [media] = await deps.media.findAll({ workspaceId: slot.workspaceId }, [slot.mediaId!])
  if (!media) throw notFound('Media', slot.id)
  return media
}

import type { Caller } from '@jan/service-kit/auth'
import { AppError } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import { ownerFor } from '../access/reach.ts'
import { typeNamed } from '../content/media-type.ts'
import type { Deps } from '../deps.ts'
import type { PresignedPut } from '../storage/object-storage.ts'
import { arrivalKey } from './arrival-key.ts'
import type { PrepareUpload } from './media.schema.ts'
import { mediaIdFor } from './media-id.ts'
import { requireWithin } from './quota.ts'
import { tooLarge } from './receive-content.ts'
import type { Slot } from './slot.store.ts'

/** An id, and a URL to which its bytes may be sent until the slot expires. Before it is complete nobody can resolve it. */
export async function prepareUpload(
  deps: Pick<Deps, 'media' | 'slots' | 'storage' | 'settings' | 'now'>,
  who: Who<Caller>,
  { mime_type: mime, bytes, sha256, filename, user_id: userId }: PrepareUpload,
): Promise<{ slot: Slot; put: PresignedPut }> {
  const owner = ownerFor(who.caller, userId)
  const type = typeNamed(mime)
  if (!type) throw new AppError('unsupported_media_type', `${mime} is not accepted`, { param: 'mime_type' })
  const most = deps.settings.maxBytes[type.kind]
  if (bytes !== undefined && bytes > most) throw tooLarge(most)
  requireWithin(await deps.media.usageOf(owner.workspaceId), bytes ?? 1, deps.settings.quota)
  const slot: Slot = {
    ...owner,
    id: mediaIdFor(who),
    mime: type.mime,
    bytes: bytes ?? null,
    sha256: sha256 ?? null,
    filename: filename ?? null,
    mediaId: null,
    createdAt: deps.now(),
    expiresAt: new Date(deps.now().getTime() + deps.settings.presignSeconds * 1000),
  }
  await deps.slots.create(slot)
  const put = await deps.storage.presignPut(arrivalKey(slot.id), {
    expiresInSeconds: deps.settings.presignSeconds,
    type: mime,
    bytes,
  })
  return { slot, put }
}

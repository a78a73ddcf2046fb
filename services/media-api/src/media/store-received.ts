import type { Caller } from '@jan/service-kit/auth'
import { invalid } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Owner } from '../access/reach.ts'
import { measureImage } from '../content/measure-image.ts'
import type { Deps } from '../deps.ts'
import { couldNotRemoveObject, mediaIngested } from '../events.ts'
import { safeFilename } from './filename.ts'
import type { Media } from './media.store.ts'
import type { Received } from './receive-content.ts'
import { scanContent } from './scan-content.ts'

export type StoredMedia = { media: Media; deduped: boolean }

export type Naming = {
  id: string
  owner: Owner
  filename: string | undefined
  /** What the sender says that it is, in hex. */
  announced?: string | null | undefined
  purpose?: string
  expiresAt: Date | null
}

/**
 * Makes an object of what has come in: the bytes are there before the row can be seen. Of identical uploads at once the
 * unique index picks one; the others, and a try that another one took over, give up their own bytes. What it refuses
 * is for the caller to remove.
 */
export async function storeReceived(
  deps: Pick<Deps, 'media' | 'storage' | 'scanner' | 'texts' | 'now'>,
  who: Who<Caller>,
  received: Received,
  { id, owner, filename, announced, purpose, expiresAt }: Naming,
): Promise<StoredMedia> {
  const { storageKey, bytes, sha256, type } = received
  if (announced && announced.toLowerCase() !== sha256)
    throw invalid('The bytes have another SHA-256 than was announced', 'sha256')
  await scanContent(deps, received, who.signal)
  const size = measureImage(type, received.edges.head)
  const { pages } = await deps.texts.inspect(type, () => deps.storage.get(storageKey), who.signal)
  const media: Media = {
    ...owner,
    ...{ id, storageKey, bytes, sha256, mime: type.mime, pages, expiresAt },
    ...{ width: size?.width ?? null, height: size?.height ?? null },
    filename: safeFilename(filename, id, type),
    purpose: purpose ?? null,
    textKey: null,
    createdAt: deps.now(),
  }
  const stored = await deps.media.insertOrFind(media)
  if (stored.storageKey !== storageKey) await giveUp(deps, who, stored, received)
  const deduped = stored.id !== id
  mediaIngested(who.log, stored, { deduped })
  return { media: stored, deduped }
}

/** A connection lost in the middle of an insert leaves its outcome unknown, so a row may stand without bytes: they are here now. */
async function giveUp(
  deps: Pick<Deps, 'storage'>,
  who: Who<Caller>,
  stored: Media,
  { storageKey, sha256 }: Received,
): Promise<void> {
  const isNeeded = stored.sha256 === sha256 && !(await deps.storage.head(stored.storageKey))
  if (!isNeeded) return removeObject(deps, who, storageKey)
  await deps.storage.move(storageKey, stored.storageKey, { type: 'application/octet-stream' })
}

/** Of what nobody can see. A failure is for the reaper to mend. */
export async function removeObject({ storage }: Pick<Deps, 'storage'>, who: Who<Caller>, key: string): Promise<void> {
  await storage.delete(key).catch((error: unknown) => couldNotRemoveObject(who.log, key, error))
}

import { createHash, randomBytes } from 'node:crypto'
import type { Caller } from '@jan/service-kit/auth'
import { invalid } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import { ownerFor } from '../access/reach.ts'
import type { Deps } from '../deps.ts'
import { couldNotRemoveObject, mediaIngested } from '../events.ts'
import { parseDataUrl } from './data-url.ts'
import { fetchRemote } from './fetch-remote.ts'
import { safeFilename } from './filename.ts'
import { requireImageType } from './image-type.ts'
import type { IngestMedia } from './media.schema.ts'
import type { Media } from './media.store.ts'
import { mediaIdFor } from './media-id.ts'

type Needs = Pick<Deps, 'media' | 'storage' | 'outbound' | 'settings' | 'now'>

/** Stores an image once per workspace: the same bytes again give the same id. */
export async function ingestMedia(
  deps: Needs,
  who: Who<Caller>,
  input: IngestMedia,
): Promise<{ media: Media; deduped: boolean }> {
  const owner = ownerFor(who.caller, input.user_id)
  const content = await loadSource(deps, input.source, who.signal)
  const type = await requireImageType(content)
  const sha256 = createHash('sha256').update(content).digest('hex')

  const id = mediaIdFor(who)
  const known = await deps.media.findKnown(owner.workspaceId, { id, sha256 })
  if (known) {
    // An earlier try may have found other bytes behind the same URL: what it stored stands.
    if (known.sha256 === sha256) await mendObject(deps, known, content)
    const deduped = known.id !== id
    mediaIngested(who.log, known, { deduped })
    return { media: known, deduped }
  }

  const media: Media = {
    ...owner,
    id,
    storageKey: keyOfTry(id, type.extensions[0]),
    mime: type.mime,
    bytes: content.length,
    sha256,
    filename: safeFilename(input.filename, id, type),
    createdAt: deps.now(),
  }
  const stored = await storeOnce(deps, who, { media, content })
  const deduped = stored.id !== id
  mediaIngested(who.log, stored, { deduped })
  return { media: stored, deduped }
}

/** Tries of one request share the id. Bytes they do not share: one that fails late must not take away what another one stored. */
const keyOfTry = (id: string, extension: string) => `images/${id}-${randomBytes(4).toString('hex')}.${extension}`

function loadSource(deps: Needs, source: IngestMedia['source'], signal: AbortSignal): Promise<Buffer> | Buffer {
  const { maxBytes } = deps.settings
  switch (source.type.toLowerCase()) {
    case 'data_url':
    case 'datauri':
    case 'dataurl':
      if (!source.data_url) throw invalid(`source.data_url is needed with type ${source.type}`, 'source.data_url')
      return parseDataUrl(source.data_url, maxBytes)
    case 'remote_url':
    case 'remoteuri':
    case 'remote':
      if (!source.url) throw invalid(`source.url is needed with type ${source.type}`, 'source.url')
      return fetchRemote(deps.outbound, source.url, { maxBytes, signal })
    default:
      throw invalid(`unknown source type ${source.type}`, 'source.type')
  }
}

/**
 * The bytes are there before the row can be seen. Of identical uploads at once the unique index picks one;
 * the others, and a try that another one took over, give up their own bytes and answer with the winner's row.
 */
async function storeOnce(
  deps: Needs,
  who: Who<Caller>,
  { media, content }: { media: Media; content: Buffer },
): Promise<Media> {
  await deps.storage.put(media.storageKey, content, { type: media.mime })
  try {
    const stored = await deps.media.insertOrFind(media)
    if (stored.storageKey !== media.storageKey) await removeObject(deps, who, media.storageKey)
    return stored
  } catch (error) {
    await removeObject(deps, who, media.storageKey)
    throw error
  }
}

/** A connection lost in the middle of an insert leaves its outcome unknown, so a row may stand without bytes: they are here now. */
async function mendObject({ storage }: Needs, media: Media, content: Buffer): Promise<void> {
  if (await storage.head(media.storageKey)) return
  await storage.put(media.storageKey, content, { type: media.mime })
}

async function removeObject({ storage }: Needs, who: Who<Caller>, key: string): Promise<void> {
  await storage.delete(key).catch((error: unknown) => couldNotRemoveObject(who.log, key, error))
}

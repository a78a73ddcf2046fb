import { createHash } from 'node:crypto'
import type { Caller } from '@jan/service-kit/auth'
import { invalid } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import { actsForProgram } from '../access/acts-for-program.ts'
import { ownerFor } from '../access/reach.ts'
import { SVG } from '../content/media-type.ts'
import type { Deps } from '../deps.ts'
import { parseDataUrl } from './data-url.ts'
import { fetchRemote } from './fetch-remote.ts'
import type { IngestMedia } from './media.schema.ts'
import type { Media } from './media.store.ts'
import { mediaIdFor } from './media-id.ts'
import { roomOf } from './quota.ts'
import { type Incoming, receiveContent } from './receive-content.ts'
import { retainedUntil } from './retained-until.ts'
import { type Naming, removeObject, type StoredMedia, storeReceived } from './store-received.ts'

type Needs = Pick<Deps, 'media' | 'storage' | 'outbound' | 'scanner' | 'texts' | 'settings' | 'now'>

/** Stores what a data URL holds, or what is behind a URL, once per workspace: the same bytes again give the same id. */
export async function ingestMedia(deps: Needs, who: Who<Caller>, input: IngestMedia): Promise<StoredMedia> {
  const { filename } = input
  const target = { id: mediaIdFor(who), owner: ownerFor(who.caller, input.user_id), announced: input.sha256 }
  const source = await openSource(deps, input.source, who.signal)
  if (!(source instanceof Uint8Array)) return ingestStream(deps, who, { stream: source, filename }, target)
  const takesSvg = actsForProgram(who.caller)
  const known = input.sha256 ? undefined : await renewKnown(deps, source, { ...target, takesSvg })
  if (known) return { media: known, deduped: known.id !== target.id }
  return ingestStream(deps, who, { stream: onceOf(source), length: source.byteLength, filename, takesSvg }, target)
}

/** Which id the object gets if it is new, and whose it is. */
export type Target = Pick<Naming, 'id' | 'owner' | 'announced'>

/** Stores a stream of any length. */
export async function ingestStream(
  deps: Needs,
  who: Who<Caller>,
  incoming: Incoming,
  target: Target,
): Promise<StoredMedia> {
  const received = await receiveContent(deps, target.id, incoming, await roomOf(deps, target.owner.workspaceId))
  const naming = { ...target, expiresAt: retainedUntil(deps), filename: incoming.filename }
  return storeReceived(deps, who, received, naming).catch(async (error: unknown) => {
    await removeObject(deps, who, received.storageKey)
    throw error
  })
}

/** What is in memory as a whole can be known before it is stored a second time. */
async function renewKnown(
  deps: Pick<Deps, 'media' | 'storage' | 'settings' | 'now'>,
  bytes: Uint8Array,
  { id, owner, takesSvg }: Target & { takesSvg: boolean },
): Promise<Media | undefined> {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const known = await deps.media.findKnown(owner.workspaceId, { id, sha256 })
  if (known?.sha256 !== sha256) return known
  if (known.mime === SVG.mime && !takesSvg) return undefined
  if (!(await deps.storage.head(known.storageKey))) return undefined
  return deps.media.insertOrFind({ ...known, expiresAt: retainedUntil(deps) })
}

async function* onceOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

function openSource(
  { outbound, settings }: Pick<Deps, 'outbound' | 'settings'>,
  source: IngestMedia['source'],
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> | Buffer {
  switch (source.type.toLowerCase()) {
    case 'data_url':
    case 'datauri':
    case 'dataurl':
      if (!source.data_url) throw invalid(`source.data_url is needed with type ${source.type}`, 'source.data_url')
      return parseDataUrl(source.data_url, settings.maxBytes.image)
    case 'remote_url':
    case 'remoteuri':
    case 'remote':
      if (!source.url) throw invalid(`source.url is needed with type ${source.type}`, 'source.url')
      return fetchRemote(outbound, source.url, { maxBytes: settings.largest, signal })
    default:
      throw invalid(`unknown source type ${source.type}`, 'source.type')
  }
}

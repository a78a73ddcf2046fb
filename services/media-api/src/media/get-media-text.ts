import { text as textOf } from 'node:stream/consumers'
import type { Caller } from '@jan/service-kit/auth'
import { AppError, invalid } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import { reachOf } from '../access/reach.ts'
import { mediaType } from '../content/media-type.ts'
import type { Deps } from '../deps.ts'
import { refusalOf } from '../text/refusal.ts'
import type { Media } from './media.store.ts'
import { requireOneMedia } from './require-media.ts'

type Needs = Parameters<typeof requireOneMedia>[0] & Pick<Deps, 'texts'>

export type MediaText = { id: string; mime: string; text: string; truncated: boolean }

/** A text, or why there is none. */
type Kept = Omit<MediaText, 'id' | 'mime'> | { refusal: string }

/**
 * The words of a document. It is read once; they, or why it cannot be read, are kept beside it.
 * @throws AppError `unsupported_media_type` for what has no words, `invalid_request` for what cannot be read
 */
export async function getMediaText(deps: Needs, who: Who<Caller>, id: string): Promise<MediaText> {
  const media = await requireOneMedia(deps, who, reachOf(who.caller), id)
  const { kind } = mediaType(media.mime)
  if (kind !== 'document' && kind !== 'text')
    throw new AppError('unsupported_media_type', `There is no text in ${media.mime}`)
  const found = (await readKept(deps, media)) ?? (await readAndKeep(deps, who, media))
  if ('refusal' in found) throw invalid(found.refusal)
  return { id, mime: media.mime, ...found }
}

async function readAndKeep(deps: Needs, who: Who<Caller>, media: Media): Promise<Kept> {
  const found: Kept = await deps.texts
    .extract(media, () => deps.storage.get(media.storageKey), who.signal)
    .catch((error: unknown) => {
      const refusal = refusalOf(error)
      if (refusal) return refusal
      throw error
    })
  const textKey = `text/${media.id}`
  await deps.storage.put(textKey, Buffer.from(JSON.stringify(found)), { type: 'application/json' })
  await deps.media.keepText(media.id, textKey)
  return found
}

async function readKept({ storage }: Pick<Deps, 'storage'>, { textKey }: Media): Promise<Kept | undefined> {
  const body = textKey === null ? undefined : await storage.get(textKey)
  return body && (JSON.parse(await textOf(body)) as Kept)
}

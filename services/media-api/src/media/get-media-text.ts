import { text as textOf } from 'node:stream/consumers'
import type { Caller } from '@jan/service-kit/auth'
import { AppError } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import { reachOf } from '../access/reach.ts'
import { mediaType } from '../content/media-type.ts'
import type { Deps } from '../deps.ts'
import { requireOneMedia } from './require-media.ts'

export type MediaText = { id: string; mime: string; text: string; truncated: boolean }

/** The words of a document. They are read once and kept beside it. @throws AppError `unsupported_media_type` for what has none */
export async function getMediaText(
  deps: Parameters<typeof requireOneMedia>[0] & Pick<Deps, 'texts'>,
  who: Who<Caller>,
  id: string,
): Promise<MediaText> {
  const media = await requireOneMedia(deps, who, reachOf(who.caller), id)
  const { kind } = mediaType(media.mime)
  if (kind !== 'document' && kind !== 'text')
    throw new AppError('unsupported_media_type', `There is no text in ${media.mime}`)
  const kept = media.textKey === null ? undefined : await readKept(deps, media.textKey)
  if (kept) return { id, mime: media.mime, ...kept }
  const found = await deps.texts.extract(media, () => deps.storage.get(media.storageKey), who.signal)
  const textKey = `text/${media.id}`
  await deps.storage.put(textKey, Buffer.from(JSON.stringify(found)), { type: 'application/json' })
  await deps.media.keepText(media.id, textKey)
  return { id, mime: media.mime, ...found }
}

async function readKept({ storage }: Pick<Deps, 'storage'>, key: string) {
  const body = await storage.get(key)
  if (!body) return undefined
  return JSON.parse(await textOf(body)) as { text: string; truncated: boolean }
}

import { type Answer, json } from '@jan/service-kit/answer'
import type { Caller } from '@jan/service-kit/auth'
import type { Who } from '@jan/service-kit/who'
import { reachOf } from '../access/reach.ts'
import { contentTypeOf, mediaType } from '../content/media-type.ts'
import type { Deps } from '../deps.ts'
import { sendObject } from '../storage/send-object.ts'
import type { Media } from './media.store.ts'
import { requireOneMedia } from './require-media.ts'
import { signUrl } from './sign-url.ts'

/** Content behind an id never changes, but an id may be deleted. */
const MAX_AGE_SECONDS = 3600

type Input = { id: string; headers: Readonly<Record<string, string | undefined>> }

/** The bytes, or only where they are when downloads are not proxied. */
export async function getMediaContent(
  deps: Parameters<typeof requireOneMedia>[0],
  who: Who<Caller>,
  { id, headers }: Input,
): Promise<Answer<{ url: string }> | Answer<never>> {
  const media = await requireOneMedia(deps, who, reachOf(who.caller), id)
  if (!deps.settings.proxyDownload) return json({ url: await signUrl(deps, media) })
  return sendMedia(deps, media, headers)
}

/** The bytes, a range of them, or that the client has them already. */
export const sendMedia = (
  { storage }: Pick<Deps, 'storage'>,
  media: Media,
  headers: Input['headers'],
): Promise<Answer<never>> =>
  sendObject(
    storage,
    {
      key: media.storageKey,
      bytes: media.bytes,
      type: contentTypeOf(media.mime),
      filename: media.filename,
      isInline: mediaType(media.mime).isInline,
      etag: media.sha256,
      maxAgeSeconds: MAX_AGE_SECONDS,
    },
    headers,
  )

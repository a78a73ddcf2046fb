import { contentTypeOf, mediaType } from '../content/media-type.ts'
import type { Deps } from '../deps.ts'
import type { Media } from './media.store.ts'

/** A URL that needs no token, for as long as `MEDIA_PRESIGN_TTL` says. */
export const signUrl = ({ storage, settings }: Pick<Deps, 'storage' | 'settings'>, media: Media): Promise<string> =>
  storage.presign(media.storageKey, {
    expiresInSeconds: settings.presignSeconds,
    type: contentTypeOf(media.mime),
    filename: media.filename,
    isInline: mediaType(media.mime).isInline,
  })

import type { Logger } from '@jan/service-kit/logger'
import type { Media } from './media/media.store.ts'

export const mediaIngested = (log: Logger, media: Media, { deduped }: { deduped: boolean }): void =>
  log.info(
    { media_id: media.id, workspace_id: media.workspaceId, mime: media.mime, bytes: media.bytes, deduped },
    'media ingested',
  )

/** Bytes that no row names were left behind. */
export const couldNotRemoveObject = (log: Logger, key: string, error: unknown): void =>
  log.error({ err: error, key }, 'an object without a row could not be removed')

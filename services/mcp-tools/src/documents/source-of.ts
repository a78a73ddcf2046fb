import { invalid } from '@jan/service-kit/errors'
import type { Source } from './read-source.ts'

/** What was named of the three. @throws AppError `invalid_request` when nothing was */
export function sourceOf(named: {
  text?: string | undefined
  media_id?: string | undefined
  url?: string | undefined
}): Source {
  if (named.text !== undefined) return { text: named.text }
  if (named.media_id !== undefined) return { mediaId: named.media_id }
  if (named.url !== undefined) return { url: named.url }
  throw invalid('expected text, media_id or url')
}

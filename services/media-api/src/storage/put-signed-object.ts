import { type Answer, empty } from '@jan/service-kit/answer'
import { AppError, invalid, notFound } from '@jan/service-kit/errors'
import type { Streamed } from '@jan/service-kit/streamed-body'
import type { Deps } from '../deps.ts'
import { atMostBytes } from './exact-bytes.ts'
import type { SignedPut } from './url-signer.ts'

/** How many bytes a URL takes that was signed without a number. */
export type UploadSettings = { largest: number }

type Input = { object: SignedPut; signature: string; body: Streamed }

/** Stores what a URL of the disk storage was signed for, as S3 does for its own URLs. */
export async function putSignedObject(
  deps: Pick<Deps, 'storage' | 'urls'> & { settings: UploadSettings },
  { object, signature, body }: Input,
): Promise<Answer<never>> {
  if (!deps.urls) throw notFound('Object', object.key)
  deps.urls.verifyPut(object, signature)
  if (body.type !== object.type)
    throw new AppError('unsupported_media_type', `This URL takes ${object.type} and nothing else`)
  const most = object.bytes ?? deps.settings.largest
  requireLength(body.length, { exact: object.bytes, most })
  const content = { stream: atMostBytes(body.stream, most), length: body.length }
  await deps.storage.put(object.key, content, { type: object.type })
  // Gone already when its upload was completed in the meantime.
  const stored = await deps.storage.head(object.key)
  const etag: Record<string, string> = stored ? { etag: `"${stored.etag}"` } : {}
  return empty({ status: 200, headers: { ...etag, 'content-length': '0' } })
}

/** Before the first byte is read. */
function requireLength(length: number | undefined, { exact, most }: { exact: number | undefined; most: number }): void {
  if (length !== undefined && length > most)
    throw new AppError('payload_too_large', `At most ${most} bytes may be sent to this URL`)
  if (exact === undefined || length === exact) return
  if (length === undefined)
    throw new AppError('invalid_request', 'This URL needs a Content-Length', {
      status: 411,
      wireCode: 'length_required',
    })
  throw invalid(`This URL takes ${exact} bytes and nothing else`)
}

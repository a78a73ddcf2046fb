import { type Answer, bytes, empty } from '@jan/service-kit/answer'
import { AppError } from '@jan/service-kit/errors'
import { requireRange } from './byte-range.ts'
import { contentDisposition } from './content-disposition.ts'
import type { ObjectStorage } from './object-storage.ts'

export type SendableObject = {
  key: string
  bytes: number
  type: string
  filename: string
  /** Whether a browser may show it; else it only saves it. */
  isInline: boolean
  /** Without quotes. */
  etag: string
  maxAgeSeconds: number
}

type RequestHeaders = Readonly<Record<string, string | undefined>>

/** The bytes, a range of them, or 304 when the client has them already. */
export async function sendObject(
  storage: Pick<ObjectStorage, 'get'>,
  object: SendableObject,
  headers: RequestHeaders,
): Promise<Answer<never>> {
  const etag = `"${object.etag}"`
  const caching = { 'cache-control': `private, max-age=${object.maxAgeSeconds}` }
  if (matches(headers['if-none-match'], etag)) return empty({ status: 304, headers: { etag, ...caching } })

  const isFresh = headers['if-range'] === undefined || headers['if-range'] === etag
  const range = isFresh ? requireRange(headers.range, object.bytes) : undefined
  const body = await storage.get(object.key, range)
  if (!body)
    throw new AppError('internal', 'The stored bytes of this object are missing', {
      cause: new Error(`no object at ${object.key}`),
    })
  return bytes(body, {
    type: object.type,
    length: range ? range.end - range.start + 1 : object.bytes,
    etag,
    ...(range ? { range: { ...range, size: object.bytes } } : {}),
    disposition: contentDisposition(object.filename, object.isInline),
    // Whatever a file that is also something else may hold, a browser runs none of it here.
    headers: { ...caching, 'content-security-policy': "default-src 'none'; sandbox" },
  })
}

/** If-None-Match compares weakly (RFC 9110 §13.1.2). */
const matches = (header: string | undefined, etag: string) =>
  header !== undefined &&
  (header.trim() === '*' || header.split(',').some((each) => each.trim().replace(/^W\//, '') === etag))

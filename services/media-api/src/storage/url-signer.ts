import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Secret } from '@jan/service-kit/config'
import { AppError } from '@jan/service-kit/errors'

/** What may be read. `expires` in seconds since 1970. */
export type SignedGet = { key: string; expires: number; type: string; filename: string; isInline: boolean }

/** What may be written: only this type, and only as many bytes if there is a number. */
export type SignedPut = { key: string; expires: number; type: string; bytes?: number | undefined }

/** Both verify* throw AppError `forbidden` when the signature is not ours or too old. */
export type UrlSigner = {
  signGet(object: SignedGet): string
  verifyGet(object: SignedGet, signature: string): void
  signPut(object: SignedPut): string
  verifyPut(object: SignedPut, signature: string): void
}

export const SIGNED_OBJECTS_PATH = '/v1/media/objects'

/** URLs of this service that need no token: whoever holds one may read, or write, that object until it expires. */
export function createUrlSigner(options: { secret: Secret; publicUrl: string; now: () => Date }): UrlSigner {
  const root = options.publicUrl.replace(/\/+$/, '')
  const signatureOf = (said: (string | number | boolean | null)[]) =>
    createHmac('sha256', options.secret.reveal())
      // JSON keeps the fields apart whatever they hold; the method keeps reading from writing.
      .update(JSON.stringify(said))
      .digest('base64url')
  const get = ({ key, expires, type, filename, isInline }: SignedGet) =>
    signatureOf(['GET', key, expires, type, filename, isInline])
  const put = ({ key, expires, type, bytes }: SignedPut) => signatureOf(['PUT', key, expires, type, bytes ?? null])

  const urlOf = (key: string, query: Record<string, string>, signature: string) =>
    `${root}${SIGNED_OBJECTS_PATH}/${key}?${new URLSearchParams({ ...query, signature })}`

  /** Letter by letter: several texts of base64 stand for the same bytes. */
  function verify(signature: string, given: string, expires: number): void {
    const [expected, actual] = [Buffer.from(signature), Buffer.from(given)]
    if (actual.length !== expected.length || !timingSafeEqual(actual, expected))
      throw new AppError('forbidden', 'The signature of this URL is not valid')
    if (expires * 1000 <= options.now().getTime()) throw new AppError('forbidden', 'This URL has expired')
  }

  return {
    signGet: (object) => {
      const { key, expires, type, filename, isInline } = object
      const disposition = isInline ? 'inline' : 'attachment'
      return urlOf(key, { expires: String(expires), type, filename, disposition }, get(object))
    },
    verifyGet: (object, signature) => verify(get(object), signature, object.expires),
    signPut: (object) => {
      const { key, expires, type, bytes } = object
      const bound: Record<string, string> = bytes === undefined ? {} : { bytes: String(bytes) }
      return urlOf(key, { expires: String(expires), type, ...bound }, put(object))
    },
    verifyPut: (object, signature) => verify(put(object), signature, object.expires),
  }
}

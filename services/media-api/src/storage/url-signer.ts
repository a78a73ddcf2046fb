import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Secret } from '@jan/service-kit/config'
import { AppError } from '@jan/service-kit/errors'

/** What a signature vouches for. `expires` in seconds since 1970. */
export type SignedObject = { key: string; expires: number; type: string; filename: string }

export type UrlSigner = {
  sign(object: SignedObject): string
  /** @throws AppError `forbidden` when the signature is not ours or too old */
  verify(object: SignedObject, signature: string): void
}

export const SIGNED_OBJECTS_PATH = '/v1/media/objects'

/** URLs of this service that need no token: whoever holds one may read that object until it expires. */
export function createUrlSigner(options: { secret: Secret; publicUrl: string; now: () => Date }): UrlSigner {
  const root = options.publicUrl.replace(/\/+$/, '')
  const signatureOf = ({ key, expires, type, filename }: SignedObject) =>
    createHmac('sha256', options.secret.reveal())
      // JSON keeps the fields apart whatever they hold.
      .update(JSON.stringify(['GET', key, expires, type, filename]))
      .digest()

  return {
    sign: (object) => {
      const query = new URLSearchParams({
        expires: String(object.expires),
        type: object.type,
        filename: object.filename,
        signature: signatureOf(object).toString('base64url'),
      })
      return `${root}${SIGNED_OBJECTS_PATH}/${object.key}?${query}`
    },
    verify: (object, signature) => {
      const expected = signatureOf(object)
      const given = Buffer.from(signature, 'base64url')
      if (given.length !== expected.length || !timingSafeEqual(given, expected))
        throw new AppError('forbidden', 'The signature of this URL is not valid')
      if (object.expires * 1000 <= options.now().getTime()) throw new AppError('forbidden', 'This URL has expired')
    },
  }
}

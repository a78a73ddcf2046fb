import { createHash, timingSafeEqual } from 'node:crypto'
import { type Authenticate, unauthenticated } from '@jan/service-kit/auth'
import type { Secret } from '@jan/service-kit/config'

const digest = (text: string) => createHash('sha256').update(text).digest()

/** Knows the holder of the operator's key by `X-Media-Service-Key`. */
export function serviceKeyAuth(key: Secret): Authenticate {
  const expected = digest(key.reveal())
  return (headers) => {
    const given = headers['x-media-service-key']
    if (given === undefined) return undefined
    // Digests have one length, so the comparison takes the same time whatever was sent.
    if (!timingSafeEqual(digest(given), expected))
      throw unauthenticated('The media service key is not valid', 'MediaServiceKey realm="jan"')
    return { kind: 'service', service: 'media-service-key' }
  }
}

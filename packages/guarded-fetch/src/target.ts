import { isIP } from 'node:net'
import { type AllowList, bareHost } from './allow-list.ts'
import { blockedAddress, GuardedFetchError } from './guarded-fetch-error.ts'
import { isPublicAddress } from './public-address.ts'

const PUBLIC_PORTS = new Set([80, 443])

export const portOf = (url: URL): number => Number(url.port) || (url.protocol === 'https:' ? 443 : 80)

/**
 * The URL when it may be dialled as far as its text can tell. Names are judged again when they are resolved.
 * @throws GuardedFetchError `invalid_url` or `blocked`
 */
export function requireTarget(text: string | URL, allowed: AllowList, base?: URL): URL {
  const url = URL.parse(String(text), base?.href)
  if (!url) throw new GuardedFetchError('invalid_url', 'This is not an absolute URL')
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new GuardedFetchError('invalid_url', 'Only http and https URLs are fetched')
  if (url.username || url.password)
    throw new GuardedFetchError('invalid_url', 'A URL must not hold a user name or a password')
  const port = portOf(url)
  if (allowed(url.hostname, port)) return url
  if (!PUBLIC_PORTS.has(port))
    throw new GuardedFetchError(
      'blocked',
      'Only ports 80 and 443 are fetched, and what the operator names in OUTBOUND_ALLOW (host:port)',
    )
  const host = bareHost(url.hostname)
  if (isIP(host) && !isPublicAddress(host)) throw blockedAddress(`${host} is not public`)
  return url
}

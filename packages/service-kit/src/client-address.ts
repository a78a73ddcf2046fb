import type { IncomingMessage } from 'node:http'
import { isIP, isIPv6 } from 'node:net'
import proxyAddr from 'proxy-addr'

/** Whose word in `X-Forwarded-For` counts. */
export type TrustedProxies = (address: string, distance: number) => boolean

/** @param list addresses and networks (`10.0.0.0/8`). @throws Error naming the first that is none */
export function parseTrustedProxies(list: string[]): TrustedProxies {
  for (const entry of list) {
    try {
      proxyAddr.compile([entry])
    } catch {
      throw new Error(`'${entry}' is no address or network`)
    }
  }
  return proxyAddr.compile(list)
}

/**
 * The address a request came from: the socket's, or what proxies that are trusted say of it, as far as that is an
 * address. IPv4 as it is usually written.
 */
export function clientAddressOf(request: IncomingMessage, trusted: TrustedProxies): string {
  const known = proxyAddr.all(request, trusted).findLast((address) => isIP(address ?? ''))
  return (known ?? '').replace(/^::ffff:(?=\d+\.)/i, '')
}

/** What one household has: the network of an IPv6 address (/64), an IPv4 address by itself. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail = ''] = address.split('::')
  const before = head.split(':').filter(Boolean)
  const after = tail.split(':').filter(Boolean)
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0')
  const groups = [...before, ...zeros, ...after].slice(0, 4)
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}

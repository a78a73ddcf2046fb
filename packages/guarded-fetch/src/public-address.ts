import ipaddr from 'ipaddr.js'

/** All of today's public IPv6 space; everything outside is reserved, mapped, translated or local (RFC 4291 §2.4). */
const GLOBAL_UNICAST_V6 = ipaddr.parseCIDR('2000::/3')

/**
 * Whether an address belongs to the public internet: not loopback, private, link-local, carrier NAT, multicast,
 * documentation, benchmarking, tunnel or translation space (6to4, Teredo, NAT64, mapped and compatible IPv6).
 * The ranges are IANA's special-purpose registries as `ipaddr.js` knows them. Anything that is no address is not public.
 */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false
  // `process` unpacks ::ffff:a.b.c.d, so that a mapped address is judged as the IPv4 address it reaches.
  const address = ipaddr.process(text)
  if (address.range() !== 'unicast') return false
  return address.kind() === 'ipv4' || address.match(GLOBAL_UNICAST_V6)
}

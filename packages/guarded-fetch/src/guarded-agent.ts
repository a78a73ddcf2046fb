import { lookup as systemLookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { Agent, buildConnector } from 'undici'
import { type AllowList, bareHost } from './allow-list.ts'
import { blockedAddress } from './guarded-fetch-error.ts'
import { isPublicAddress } from './public-address.ts'

export type GuardedAgentOptions = {
  allowed: AllowList
  lookup?: LookupFunction
  connectTimeoutMs: number
  /** Most at a time to one origin; null: no limit. */
  connections?: number | null
}

/**
 * An agent whose every new connection is judged where it is made, so that neither a literal, nor a second DNS answer
 * between check and use, nor one bad address among good ones gets through. A kept connection is one that was judged.
 */
export function createGuardedAgent({
  allowed,
  lookup = systemLookup,
  connectTimeoutMs,
  connections = 16,
}: GuardedAgentOptions): Agent {
  const settings = { timeout: connectTimeoutMs, allowH2: false }
  const dialTrusted = buildConnector({ ...settings, lookup })
  const dialPublic = buildConnector({ ...settings, lookup: publicOnly(lookup) })

  const connect: buildConnector.connector = (target, callback) => {
    const host = bareHost(target.hostname)
    const port = Number(target.port) || (target.protocol === 'https:' ? 443 : 80)
    if (allowed(host, port)) return dialTrusted(target, callback)
    // The socket layer asks no lookup for a literal.
    if (isIP(host) && !isPublicAddress(host)) return callback(blockedAddress(`${host} is not public`), null)
    dialPublic(target, (...[error, socket]) => {
      if (error) return callback(error, null)
      const peer = socket.remoteAddress
      if (peer !== undefined && isPublicAddress(peer)) return callback(null, socket)
      socket.destroy()
      callback(blockedAddress(`${host} was connected at ${peer ?? 'no address'}, which is not public`), null)
    })
  }
  // The limits on headers and body are the caller's total time and bytes; a second clock here would cut long streams.
  return new Agent({ connect, connections, headersTimeout: 0, bodyTimeout: 0 })
}

/** Refuses a name when any of its addresses is not public: a mixed answer is an attack or a mistake. */
const publicOnly =
  (lookup: LookupFunction): LookupFunction =>
  (hostname, options, callback) =>
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, [])
      const addresses = typeof found === 'string' ? [{ address: found, family: isIP(found) }] : found
      const hidden = addresses.find(({ address }) => !isPublicAddress(address))
      if (hidden) return callback(blockedAddress(`${hostname} resolves to ${hidden.address}, which is not public`), [])
      const [first] = addresses
      if (!first) return callback(new Error(`${hostname} has no address`), [])
      if (options.all) return callback(null, addresses)
      callback(null, first.address, first.family)
    })

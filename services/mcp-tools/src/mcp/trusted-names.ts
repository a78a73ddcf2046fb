import type { RequestHeaders } from '@jan/service-kit/auth'
import { isLoopback } from '@jan/service-kit/config-blocks'
import { AppError } from '@jan/service-kit/errors'

/** Names under which this service may be called, beside any loopback name. Hosts without port, origins with scheme and port. */
export type TrustedNames = { hosts: ReadonlySet<string>; origins: ReadonlySet<string> }

export function buildTrustedNames(config: { publicUrl: string; hosts: string[]; origins: string[] }): TrustedNames {
  const { hostname, origin } = new URL(config.publicUrl)
  return { hosts: new Set([hostname, 'mcp-tools', ...config.hosts]), origins: new Set([origin, ...config.origins]) }
}

/**
 * Refuses a browser that was led here by a foreign page: a name that resolves to our address (DNS rebinding) shows in
 * `Host`, a foreign page in `Origin`. Programs that are no browsers send no `Origin`.
 * @throws AppError `forbidden`
 */
export function requireTrustedNames(trusted: TrustedNames, headers: RequestHeaders): void {
  const host = URL.parse(`http://${headers.host}`)?.hostname
  if (host === undefined || !(isLoopbackName(host) || trusted.hosts.has(host)))
    throw new AppError('forbidden', `This service does not answer to the host name ${host ?? 'that was sent'}`)
  if (headers.origin === undefined) return
  const origin = URL.parse(headers.origin)
  if (!origin || !(trusted.origins.has(origin.origin) || isLoopbackName(origin.hostname)))
    throw new AppError('forbidden', 'Pages of this origin may not call this service')
}

/** URLs put IPv6 addresses in brackets. */
const isLoopbackName = (hostname: string) => isLoopback(hostname.replace(/^\[|\]$/g, ''))

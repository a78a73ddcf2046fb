/** Says whether the operator trusts exactly this host and port; the private-address and port rules do not apply then. */
export type AllowList = (host: string, port: number) => boolean

/** The host as the socket layer writes it: URLs put IPv6 addresses in brackets. */
export const bareHost = (hostname: string): string => hostname.replace(/^\[|\]$/g, '')

const key = (hostname: string, port: number) => `${bareHost(hostname)} ${port}`

/**
 * Reads `host:port` entries (`intranet.example:8080`, `10.0.0.5:8000`, `[fd00::1]:8000`). A name matches that name and
 * an address matches that address as it stands in a URL: no wildcards, no subdomains, and a name that resolves to a
 * listed address is not that address.
 * @throws TypeError naming the entry that is no `host:port`
 */
export function parseAllowList(entries: string[]): AllowList {
  const allowed = new Set(entries.map(parseEntry))
  return (host, port) => allowed.has(key(host, port))
}

function parseEntry(entry: string): string {
  const [, hostText = '', portText = ''] = /^([^/@?#\s]+):(\d{1,5})$/.exec(entry.trim()) ?? []
  const port = Number(portText)
  // Written as URL.hostname writes it: lower case, punycode, canonical addresses.
  const url = URL.parse(`http://${hostText}/`)
  if (!hostText || !url || url.port || url.hostname === '' || port < 1 || port > 65_535)
    throw new TypeError(`'${entry}' is not of the form host:port`)
  return key(url.hostname, port)
}

/** Its host, and what comes after host and port: nothing, a path or a query. */
const LOOPBACK = /^(http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]))(?::\d+)?((?:[/?][^\s\\#]*)?)$/

/**
 * Whether a browser may be sent back there. As at Keycloak, what a client registered for a loopback host without a port
 * is good at any port, and ends in `/*` when it is good for any path. All else is compared letter by letter.
 */
export function isRedirect(registered: string[], address: string): boolean {
  if (registered.includes(address)) return true
  const [, host, rest] = LOOPBACK.exec(address) ?? []
  if (host === undefined || !URL.canParse(address)) return false
  return registered.includes(`${host}/*`) || registered.includes(`${host}${rest}`)
}

/** Loopback needs no entry, and beyond it `http` shows the code to everybody on the way; the other schemes run or read. */
const UNFIT = /^(?:http|javascript|vbscript|data|blob|file|about):|[*#\s]/i

/**
 * The addresses of MCP_REDIRECT_URIS, which are parted by commas.
 * @throws Error for a pattern, a fragment, or a scheme that no login may end at
 */
export function readRedirectUris(list = ''): string[] {
  const addresses = list
    .split(',')
    .map((address) => address.trim())
    .filter(Boolean)
  const unfit = addresses.find((address) => UNFIT.test(address) || !URL.canParse(address))
  if (unfit)
    throw new Error(`MCP_REDIRECT_URIS must hold whole addresses, https:// or an app's own scheme, not '${unfit}'`)
  return addresses
}

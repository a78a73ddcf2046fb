export type Hop = { url: URL; method: string; headers: Headers; body: string | Uint8Array | undefined }

const REDIRECTS = new Set([301, 302, 303, 307, 308])
const OF_THE_BODY = ['content-encoding', 'content-language', 'content-location', 'content-type', 'content-length']

/** What another origin may see. Any other header may be a credential: names such as `X-Service-Key` cannot be guessed. */
const HARMLESS = new Set(['accept', 'accept-encoding', 'accept-language', 'user-agent', 'range', ...OF_THE_BODY])

/** Where a response sends the caller, if it does. */
export const redirectTarget = (status: number, headers: Headers): string | null =>
  REDIRECTS.has(status) ? headers.get('location') : null

/** The request after a redirect: method and body as the Fetch standard says (HTTP-redirect fetch), fewer headers elsewhere. */
export function nextHop(hop: Hop, status: number, url: URL): Hop {
  const headers = new Headers(hop.headers)
  if (url.origin !== hop.url.origin)
    for (const name of hop.headers.keys()) if (!HARMLESS.has(name)) headers.delete(name)
  const postBecomesGet = (status === 301 || status === 302) && hop.method === 'POST'
  const becomesGet = status === 303 && hop.method !== 'GET' && hop.method !== 'HEAD'
  if (!postBecomesGet && !becomesGet) return { ...hop, url, headers }
  for (const name of OF_THE_BODY) headers.delete(name)
  return { url, method: 'GET', headers, body: undefined }
}

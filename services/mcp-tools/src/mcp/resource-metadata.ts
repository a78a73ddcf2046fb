import { changeChallenge, METADATA_PATH } from '@jan/route-tools/resource-metadata'
import { type Authenticate, bearerChallenge, type Challenge, unauthenticated } from '@jan/service-kit/auth'

/** Where the endpoint is, and where the gateway has it as well. */
export const ADDRESSES = { own: '/v1/mcp', short: '/mcp' } as const

/** Where clients learn who issues tokens for the endpoint: the bare path, and those that name the resource (RFC 9728 §3.1). */
export const METADATA_PATHS = {
  bare: METADATA_PATH,
  ofResource: `${METADATA_PATH}${ADDRESSES.own}`,
  ofShort: `${METADATA_PATH}${ADDRESSES.short}`,
} as const

const under = (publicUrl: string, path: string) => new URL(publicUrl.replace(/\/+$/, '') + path).href

/** The protected resource metadata of RFC 9728, of the endpoint at one of its addresses. */
export const buildResourceMetadata = (
  { publicUrl, issuer }: { publicUrl: string; issuer: string },
  address: (typeof ADDRESSES)[keyof typeof ADDRESSES],
) => ({
  resource: under(publicUrl, address),
  authorization_servers: [issuer],
  bearer_methods_supported: ['header'],
  scopes_supported: ['openid', 'profile', 'email'],
  resource_name: 'Jan Server tools',
})

/** A 401 that tells MCP clients where to begin their sign-in. */
export const createChallenge =
  (publicUrl: string): Challenge =>
  (problem) =>
    `${bearerChallenge(problem)}, resource_metadata="${under(publicUrl, METADATA_PATHS.ofResource)}"`

/**
 * Refusals at the short address name its own metadata: clients sign in to nothing else than what they asked.
 * The gateway tells which address that was.
 */
export function challengeByAddress(authenticate: Authenticate, challenge: Challenge): Authenticate {
  const atShort: Authenticate = async (headers) => {
    try {
      const caller = await authenticate(headers)
      if (caller) return caller
      throw unauthenticated('You need to send a token', challenge())
    } catch (error) {
      throw changeChallenge(error, (told) => told.replace(METADATA_PATHS.ofResource, METADATA_PATHS.ofShort))
    }
  }
  return (headers) => (/^\/mcp(\/|$)/.test(headers['x-forwarded-path'] ?? '') ? atShort : authenticate)(headers)
}

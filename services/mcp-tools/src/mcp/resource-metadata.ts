import { METADATA_PATH } from '@jan/route-tools/resource-metadata'
import { bearerChallenge, type Challenge } from '@jan/service-kit/auth'

const RESOURCE = '/v1/mcp'

/** Where clients learn who issues tokens for the endpoint: the bare path, and the one that names the resource (RFC 9728 §3.1). */
export const METADATA_PATHS = { bare: METADATA_PATH, ofResource: `${METADATA_PATH}${RESOURCE}` } as const

const under = (publicUrl: string, path: string) => new URL(publicUrl.replace(/\/+$/, '') + path).href

/** The protected resource metadata of RFC 9728. */
export const buildResourceMetadata = ({ publicUrl, issuer }: { publicUrl: string; issuer: string }) => ({
  resource: under(publicUrl, RESOURCE),
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

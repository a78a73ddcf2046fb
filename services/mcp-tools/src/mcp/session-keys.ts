import { hkdfSync } from 'node:crypto'
import type { InternalKey } from '@jan/service-kit/internal-token'

/** The keys of session ids: those that were configured, else one from each internal key, so that all replicas have the same and a rotation keeps the older ids. */
export const deriveSessionKeys = (configured: Uint8Array[], internal: InternalKey[]): Uint8Array[] =>
  configured.length > 0
    ? configured
    : internal.map(({ secret }) => new Uint8Array(hkdfSync('sha256', secret, '', 'mcp-session-id', 32)))

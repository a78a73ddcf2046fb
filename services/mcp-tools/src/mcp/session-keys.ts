import { hkdfSync } from 'node:crypto'
import type { InternalKey } from '@jan/service-kit/internal-token'

export type StateKeys = { sessions: Uint8Array[]; requestState: Uint8Array[] }

/**
 * The keys of session ids: those that were configured, else one from each internal key, so that all replicas have the
 * same and a rotation keeps the older ids. What seals the state of requests is derived from the same secrets: a session
 * id is never taken for a state.
 */
export function deriveStateKeys(configured: Uint8Array[], internal: InternalKey[]): StateKeys {
  const secrets = configured.length > 0 ? configured : internal.map(({ secret }) => secret)
  const derived = (purpose: string) =>
    secrets.map((secret) => new Uint8Array(hkdfSync('sha256', secret, '', purpose, 32)))
  return {
    sessions: configured.length > 0 ? configured : derived('mcp-session-id'),
    requestState: derived('mcp-request-state'),
  }
}

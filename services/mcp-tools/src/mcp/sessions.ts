import type { Caller } from '@jan/service-kit/auth'
import {
  type ClientCapabilities,
  createRequestStateCodec,
  type InitializeRequestParams,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/server'
import { z } from 'zod'

/** What a 2025-x client said in `initialize`. It travels in the id itself: no replica remembers a session. */
export type Session = z.output<typeof claims>

const known = (...names: string[]) => z.partialRecord(z.enum(names), z.looseObject({})).optional()

/** Short names: the id returns with every request. */
const claims = z.object({
  /** Whose session it is. */
  sub: z.string(),
  /** The protocol version that was agreed. */
  v: z.string(),
  /** Tells this session's requests from those of others: clients all count their ids from 0. */
  n: z.string(),
  /** What the client can be asked for. */
  caps: z.object({
    elicitation: known('form', 'url'),
    sampling: known('tools', 'context'),
    roots: known('listChanged'),
  }),
})

export type Sessions = {
  /** The value of `Mcp-Session-Id` for a client that has just said `initialize`. */
  open(caller: Caller, nonce: string, params: InitializeRequestParams): Promise<string>
  /** Undefined when the id is forged, too old, or another caller's. */
  read(id: string, caller: Caller): Promise<Session | undefined>
}

/** It is no credential (the token is), so it may live long: clients do not start anew when one is gone. */
export const SESSION_SECONDS = 30 * 86_400

/** Signed session ids. The first key signs, all of them verify. */
export function createSessions(keys: Uint8Array[]): Sessions {
  const codecs = keys.map((key) => createRequestStateCodec({ key, ttlSeconds: SESSION_SECONDS }))
  const [current] = codecs
  if (!current) throw new Error('Signing session ids needs a key')
  return {
    open: (caller, nonce, { protocolVersion, capabilities }) =>
      current.mint({
        sub: subjectOf(caller),
        v: agreedVersion(protocolVersion),
        n: nonce,
        caps: knownCapabilities(capabilities),
      } satisfies Session),
    read: async (id, caller) => {
      // The codec asks for a request's context only when it binds to one.
      const verified = codecs.map((codec) => codec.verify(id, undefined as never))
      const session = claims.safeParse(await Promise.any(verified).catch(() => undefined)).data
      return session?.sub === subjectOf(caller) ? session : undefined
    },
  }
}

/** Who somebody is, as far as sessions and sealed states are theirs. */
export const subjectOf = (caller: Caller) => (caller.kind === 'service' ? `service:${caller.service}` : caller.subject)

/** The protocol's rule: an unknown version is answered with the newest we know. */
const agreedVersion = (asked: string) =>
  SUPPORTED_PROTOCOL_VERSIONS.includes(asked) ? asked : SUPPORTED_PROTOCOL_VERSIONS[0]!

/** Known names only and nothing below them: whatever else a client declares would return in a header of each request. */
function knownCapabilities({ elicitation, sampling, roots }: ClientCapabilities): Session['caps'] {
  const keep = (declared: object | undefined, ...names: string[]) =>
    declared && Object.fromEntries(names.filter((name) => name in declared).map((name) => [name, {}]))
  const kept = {
    elicitation: keep(elicitation, 'form', 'url'),
    sampling: keep(sampling, 'tools', 'context'),
    roots: keep(roots, 'listChanged'),
  }
  return Object.fromEntries(Object.entries(kept).filter(([, names]) => names !== undefined))
}

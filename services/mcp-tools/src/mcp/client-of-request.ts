import {
  CLIENT_CAPABILITIES_META_KEY,
  inputRequired,
  type LoggingLevel,
  type ServerContext,
} from '@modelcontextprotocol/server'
import type { Deps } from '../deps.ts'
import type { Client } from '../tools/client.ts'
import type { Asking } from './asking.ts'

export type ClientDeps = Pick<Deps, 'requestState' | 'notes'>
type Sealed = { of: string; state: unknown }

/** From least to most severe. */
const LEVELS: readonly LoggingLevel[] = [
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
]
/** Of a 2025-x client that never said a level. */
const UNSAID: LoggingLevel = 'info'

/** The client of one request, for the tool or prompt `of` that is asked for. */
export function clientOfRequest(deps: ClientDeps, asking: Asking, context: ServerContext, of: string): Client {
  const { mcpReq } = context
  return {
    can: canAsk(capabilitiesOf(asking, context)),
    answers: mcpReq.inputResponses,
    state: <T>() => {
      const sealed = mcpReq.requestState<Sealed>()
      return sealed?.of === of ? (sealed.state as T) : undefined
    },
    ask: async (inputRequests, state) => {
      if (state === undefined) return inputRequired({ inputRequests })
      const sealed: Sealed = { of, state }
      return inputRequired({ inputRequests, requestState: await deps.requestState.mint(sealed, context) })
    },
    tell: (level, data) => tell(deps, asking, context, { level, data }),
  }
}

/** What matters is which of these are there. */
type Capabilities = {
  elicitation?: { form?: unknown; url?: unknown } | undefined
  sampling?: object | undefined
  roots?: object | undefined
}

/** 2026-07-28 says them in each request; a 2025-x client can only be asked on a stream. */
function capabilitiesOf({ modern, streams, session }: Asking, { mcpReq }: ServerContext): Capabilities {
  const envelope: Record<string, unknown> | undefined = mcpReq.envelope
  if (modern) return envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? {}
  return streams && session ? session.caps : {}
}

const canAsk = ({ elicitation, sampling, roots }: Capabilities): Client['can'] => ({
  // Older clients declare elicitation without saying which, and mean forms.
  elicit: elicitation !== undefined && (elicitation.form !== undefined || elicitation.url === undefined),
  elicitUrl: elicitation?.url !== undefined,
  sample: sampling !== undefined,
  roots: roots !== undefined,
})

async function tell(
  { notes }: ClientDeps,
  { modern, streams, session }: Asking,
  { mcpReq }: ServerContext,
  message: { level: LoggingLevel; data: unknown },
): Promise<void> {
  if (!streams) return
  // 2026-07-28 says its level in the request, where the library looks.
  if (modern) return mcpReq.log(message.level, message.data)
  // That nobody knows the level is no reason for a call to fail.
  const wanted = (session && (await notes.level(session.n).catch(() => undefined))) ?? UNSAID
  if (LEVELS.indexOf(message.level) < LEVELS.indexOf(wanted)) return
  await mcpReq.notify({ method: 'notifications/message', params: message })
}

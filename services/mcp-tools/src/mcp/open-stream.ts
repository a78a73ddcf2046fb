import { type Answer, relay } from '@jan/service-kit/answer'
import type { Caller, RequestHeaders } from '@jan/service-kit/auth'
import { AppError } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { RPC, rpcError } from './json-rpc.ts'
import { sendNews } from './news-of-session.ts'
import { relayResponse } from './relay-response.ts'
import { requireTrustedNames } from './trusted-names.ts'

type StreamDeps = Pick<Deps, 'trustedNames' | 'streams' | 'sessions' | 'changes' | 'notes' | 'log'>

const HEADERS = { 'content-type': 'text/event-stream' }
const ALLOWED = 'POST, GET, OPTIONS'

/** The stream on which a 2025-x client hears of changes. Any replica can serve it: what it is about is in the session id and in Redis. */
export async function openStream(deps: StreamDeps, who: Who<Caller>, headers: RequestHeaders): Promise<Answer<never>> {
  requireTrustedNames(deps.trustedNames, headers)
  const id = headers['mcp-session-id']
  // Later revisions have no such stream, and older clients one for each session.
  if (id === undefined || !/text\/event-stream/i.test(headers.accept ?? ''))
    throw new AppError(
      'method_not_allowed',
      'GET needs Accept: text/event-stream and the Mcp-Session-Id that initialize gave',
      {
        headers: { allow: ALLOWED },
      },
    )
  const session = await deps.sessions.read(id, who.caller)
  if (!session) return refuse(rpcError(404, RPC.sessionNotFound, 'Session not found'))
  const stream = deps.streams.open(who, (frames) => sendNews(deps, { caller: who.caller, nonce: session.n }, frames))
  return relay(stream, { status: 200, headers: HEADERS })
}

const refuse = (response: Response) => relayResponse(Promise.resolve(response), { endWhenLeft: true, id: null })

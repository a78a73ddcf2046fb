import {
  isJSONRPCErrorResponse,
  isJSONRPCRequest,
  type JSONRPCMessage,
  type JSONRPCRequest,
  PerRequestHTTPServerTransport,
  SdkError,
  SdkErrorCode,
} from '@modelcontextprotocol/server'
import type { Deps } from '../deps.ts'
import { type Asking, carry } from './asking.ts'
import { buildServer, type ServerDeps } from './build-server.ts'
import { RPC, rpcError } from './json-rpc.ts'
import type { ResponseMode } from './response-mode.ts'
import type { Session } from './sessions.ts'

export type ExchangeDeps = Pick<Deps, 'inFlight'> & ServerDeps

const SEED = 'seed'

/** One request of a 2025-x client and its answer. It gets no signal of the connection: there a lost one is no cancellation. */
export async function exchange(
  deps: ExchangeDeps,
  asking: Asking,
  { message, mode }: { message: JSONRPCRequest; mode: ResponseMode },
): Promise<Response> {
  const { session, streams } = asking
  const transport = new PerRequestHTTPServerTransport({
    classification: { era: 'legacy' },
    responseMode: mode === 'sse' ? 'sse' : 'auto',
    keepAliveMs: 0,
  })
  const seed = adapt(deps, transport, { session, message })
  await buildServer(deps, asking).connect(transport)
  if (session) deps.inFlight.add(session.n, message.id, transport)
  if (session && streams && Object.keys(session.caps).length > 0) await seed(handshakeOf(session))
  try {
    const { body, headers } = await transport.handleMessage(message, { authInfo: carry(asking) })
    // The transport says 404 for an unknown method; 2025-x clients take that for a lost session.
    return new Response(body, { status: 200, headers })
  } catch (error) {
    if (!(error instanceof SdkError) || error.code !== SdkErrorCode.ConnectionClosed) throw error
    // Cancelled. A stream just ends; whoever waits for one body must get one.
    return mode === 'json' ? rpcError(200, RPC.serverError, 'The request was cancelled', message.id) : eventStream('')
  }
}

export const eventStream = (text: string) => new Response(text, { headers: { 'content-type': 'text/event-stream' } })

/**
 * Stands between the server of one request and its client.
 * @returns how to say something to the server that the client did not say now; settles with its answer, which nobody hears
 */
function adapt(
  { inFlight }: ExchangeDeps,
  transport: PerRequestHTTPServerTransport,
  { session, message }: { session: Session | undefined; message: JSONRPCRequest },
): (handshake: JSONRPCRequest) => Promise<void> {
  let heard: (() => void) | undefined
  const send = transport.send.bind(transport)
  transport.send = async (sent, options) => {
    if (heard && 'id' in sent && sent.id === SEED) return heard()
    if (session && isJSONRPCRequest(sent))
      return send({ ...sent, id: inFlight.question(session.n, sent.id, transport) }, options)
    return send(message.method.startsWith('resources/') ? withOlderCode(sent) : sent, options)
  }
  return async (handshake) => {
    await new Promise<void>((resolve) => {
      heard = resolve
      transport.onmessage?.(handshake)
    })
    heard = undefined
  }
}

/** What the client said in `initialize` is said again to the server that was made for this request alone. */
const handshakeOf = ({ v, caps }: Session): JSONRPCRequest => ({
  jsonrpc: '2.0',
  id: SEED,
  method: 'initialize',
  params: { protocolVersion: v, capabilities: caps, clientInfo: { name: 'client', version: '0' } },
})

/** The code that these revisions have for a resource that is not there; the library has one code for all. */
function withOlderCode(message: JSONRPCMessage): JSONRPCMessage {
  if (!isJSONRPCErrorResponse(message)) return message
  const { error } = message
  const isMissing = error.code === RPC.invalidParams && (error.data as { uri?: unknown } | undefined)?.uri !== undefined
  return isMissing ? { ...message, error: { ...error, code: RPC.resourceNotFound } } : message
}

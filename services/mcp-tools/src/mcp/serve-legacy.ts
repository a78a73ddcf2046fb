import type { RequestHeaders } from '@jan/service-kit/auth'
import {
  isInitializeRequest,
  isJSONRPCNotification,
  isJSONRPCRequest,
  type JSONRPCMessage,
  type JSONRPCRequest,
  PerRequestHTTPServerTransport,
  SdkError,
  SdkErrorCode,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/server'
import type { Deps } from '../deps.ts'
import { type Asking, buildServer } from './build-server.ts'
import { idOf, RPC, rpcError } from './json-rpc.ts'
import type { ResponseMode } from './response-mode.ts'
import type { Session } from './sessions.ts'

export type LegacyDeps = Pick<Deps, 'sessions' | 'inFlight' | 'newId'> & Parameters<typeof buildServer>[0]
export type LegacyInput = { message: JSONRPCMessage | JSONRPCMessage[]; headers: RequestHeaders; mode: ResponseMode }

const LAST_WITH_BATCHES = '2025-03-26'
const MAX_BATCH = 100
const BATCH_AT_ONCE = 4

/** Serves 2025-x: a server per POST, and what the client said in `initialize` in its signed session id. */
export async function serveLegacy(deps: LegacyDeps, asking: Asking, input: LegacyInput): Promise<Response> {
  const { message, headers, mode } = input
  const starts = isRequestOf(message, 'initialize')
  const sent = starts ? undefined : headers['mcp-session-id']
  const session = sent === undefined ? undefined : await deps.sessions.read(sent, asking.who.caller)
  // Clients must start anew on this, and 404 is what tells them.
  if (sent !== undefined && !session) return rpcError(404, RPC.sessionNotFound, 'Session not found', idOf(message))
  const version = starts ? undefined : headers['mcp-protocol-version']
  if (version !== undefined && !SUPPORTED_PROTOCOL_VERSIONS.includes(version))
    return rpcError(400, RPC.serverError, unsupported(version), idOf(message))
  if (Array.isArray(message)) {
    const spoken = version ?? session?.v ?? LAST_WITH_BATCHES
    if (spoken > LAST_WITH_BATCHES)
      return rpcError(400, RPC.invalidRequest, `Batches are not part of protocol revision ${spoken}`)
    return serveBatch(deps, asking, { messages: message, session, mode })
  }
  return (await serveOne(deps, asking, { message, session, mode })) ?? new Response(null, { status: 202 })
}

const unsupported = (version: string) =>
  `Unsupported protocol version: ${version} (supported: ${['2026-07-28', ...SUPPORTED_PROTOCOL_VERSIONS].join(', ')})`

const isRequestOf = (message: unknown, method: string) => isJSONRPCRequest(message) && message.method === method

type One = { message: JSONRPCMessage; session: Session | undefined; mode: ResponseMode }

/** Undefined for what is not answered: notifications, and responses (this server asks its clients nothing). */
async function serveOne(deps: LegacyDeps, asking: Asking, one: One): Promise<Response | undefined> {
  const { message, session, mode } = one
  if (isJSONRPCRequest(message)) {
    if (message.method !== 'initialize') return exchange(deps, asking, { message, session, mode })
    // The library would call this an internal error.
    if (!isInitializeRequest(message))
      return rpcError(
        200,
        RPC.invalidParams,
        'initialize needs protocolVersion, capabilities and clientInfo',
        message.id,
      )
    const response = await exchange(deps, asking, { message, session: undefined, mode })
    const id = await deps.sessions.open(asking.who.caller, deps.newId(), message.params)
    response.headers.set('mcp-session-id', id)
    return response
  }
  if (session && isJSONRPCNotification(message) && message.method === 'notifications/cancelled')
    await deps.inFlight.cancel(session.n, message)
  return undefined
}

async function serveBatch(
  deps: LegacyDeps,
  asking: Asking,
  { messages, session, mode }: { messages: JSONRPCMessage[]; session: Session | undefined; mode: ResponseMode },
): Promise<Response> {
  if (messages.length > MAX_BATCH)
    return rpcError(400, RPC.invalidRequest, `A batch holds ${MAX_BATCH} messages at most`)
  if (messages.some((message) => isRequestOf(message, 'initialize')))
    return rpcError(400, RPC.invalidRequest, 'initialize must not be part of a batch')
  const alone: Asking = { ...asking, streams: false }
  const served: (Response | undefined)[] = []
  // A few at a time: one POST must not start a hundred tools.
  for (let at = 0; at < messages.length; at += BATCH_AT_ONCE) {
    const few = messages.slice(at, at + BATCH_AT_ONCE)
    served.push(...(await Promise.all(few.map((message) => serveOne(deps, alone, { message, session, mode: 'json' })))))
  }
  const answers = served.filter((answer) => answer !== undefined)
  if (answers.length === 0) return new Response(null, { status: 202 })
  const texts = await Promise.all(answers.map((answer) => answer.text()))
  return mode === 'sse'
    ? eventStream(texts.map((text) => `event: message\ndata: ${text}\n\n`).join(''))
    : new Response(`[${texts.join(',')}]`, { headers: { 'content-type': 'application/json' } })
}

const eventStream = (text: string) => new Response(text, { headers: { 'content-type': 'text/event-stream' } })

/** One request and its answer. It gets no signal of the connection: in 2025-x a lost one is no cancellation. */
async function exchange(
  deps: LegacyDeps,
  asking: Asking,
  { message, session, mode }: One & { message: JSONRPCRequest },
): Promise<Response> {
  const transport = new PerRequestHTTPServerTransport({
    classification: { era: 'legacy' },
    responseMode: mode === 'sse' ? 'sse' : 'auto',
    keepAliveMs: 0,
  })
  await buildServer(deps, asking).connect(transport)
  if (session) deps.inFlight.add(session.n, message.id, transport)
  try {
    const { body, headers } = await transport.handleMessage(message)
    // The transport says 404 for an unknown method; 2025-x clients take that for a lost session.
    return new Response(body, { status: 200, headers })
  } catch (error) {
    if (!(error instanceof SdkError) || error.code !== SdkErrorCode.ConnectionClosed) throw error
    // Cancelled. A stream just ends; whoever waits for one body must get one.
    return mode === 'json' ? rpcError(200, RPC.serverError, 'The request was cancelled', message.id) : eventStream('')
  }
}

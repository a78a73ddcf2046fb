import type { RequestHeaders } from '@jan/service-kit/auth'
import {
  isInitializeRequest,
  isJSONRPCRequest,
  type JSONRPCMessage,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/server'
import type { Deps } from '../deps.ts'
import type { Asking } from './asking.ts'
import { idOf, RPC, rpcError } from './json-rpc.ts'
import { type ExchangeDeps, eventStream, exchange } from './legacy-exchange.ts'
import type { ResponseMode } from './response-mode.ts'
import { refuseWrongParams } from './wrong-params.ts'

export type LegacyDeps = Pick<Deps, 'sessions' | 'newId'> & ExchangeDeps
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
    return serveBatch(deps, { ...asking, session }, { messages: message, mode })
  }
  return (await serveOne(deps, { ...asking, session }, { message, mode })) ?? new Response(null, { status: 202 })
}

const unsupported = (version: string) =>
  `Unsupported protocol version: ${version} (supported: ${['2026-07-28', ...SUPPORTED_PROTOCOL_VERSIONS].join(', ')})`

const isRequestOf = (message: unknown, method: string) => isJSONRPCRequest(message) && message.method === method

type One = { message: JSONRPCMessage; mode: ResponseMode }

/** Undefined for what is not answered: notifications, and responses to what a running call asked. */
async function serveOne(deps: LegacyDeps, asking: Asking, { message, mode }: One): Promise<Response | undefined> {
  if (isJSONRPCRequest(message)) {
    if (message.method !== 'initialize')
      return (await refuseWrongParams(message, { modern: false, mode })) ?? exchange(deps, asking, { message, mode })
    // The library would call this an internal error.
    if (!isInitializeRequest(message))
      return rpcError(
        200,
        RPC.invalidParams,
        'initialize needs protocolVersion, capabilities and clientInfo',
        message.id,
      )
    const response = await exchange(deps, asking, { message, mode })
    const id = await deps.sessions.open(asking.who.caller, deps.newId(), message.params)
    response.headers.set('mcp-session-id', id)
    return response
  }
  if (asking.session) await deps.inFlight.deliver(asking.session.n, message)
  return undefined
}

async function serveBatch(
  deps: LegacyDeps,
  asking: Asking,
  { messages, mode }: { messages: JSONRPCMessage[]; mode: ResponseMode },
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
    served.push(...(await Promise.all(few.map((message) => serveOne(deps, alone, { message, mode: 'json' })))))
  }
  const answers = served.filter((answer) => answer !== undefined)
  if (answers.length === 0) return new Response(null, { status: 202 })
  const texts = await Promise.all(answers.map((answer) => answer.text()))
  return mode === 'sse'
    ? eventStream(texts.map((text) => `event: message\ndata: ${text}\n\n`).join(''))
    : new Response(`[${texts.join(',')}]`, { headers: { 'content-type': 'application/json' } })
}

import type { Answer } from '@jan/service-kit/answer'
import type { Caller, RequestHeaders } from '@jan/service-kit/auth'
import type { Who } from '@jan/service-kit/who'
import {
  classifyInboundRequest,
  isJSONRPCRequest,
  isJsonContentType,
  type JSONRPCMessage,
} from '@modelcontextprotocol/server'
import type { Deps } from '../deps.ts'
import { askedBy } from '../tools/surface.ts'
import type { Asking } from './asking.ts'
import { metaOfHeaders } from './call-meta.ts'
import { idOf, RPC, rpcError } from './json-rpc.ts'
import { parseMessage } from './parse-message.ts'
import { relayResponse } from './relay-response.ts'
import { type ResponseMode, responseModeOf } from './response-mode.ts'
import { type LegacyDeps, serveLegacy } from './serve-legacy.ts'
import { serveModern } from './serve-modern.ts'
import { requireTrustedNames } from './trusted-names.ts'

export type McpDeps = Pick<Deps, 'trustedNames' | 'modern' | 'changes' | 'streams' | 'openStreamAfterMs'> & LegacyDeps
type Posted = { headers: RequestHeaders; body: Buffer }

/** Answers one POST of any MCP client, of 2025-x and of 2026-07-28, from the same table of tools. */
export async function answerMcp(deps: McpDeps, who: Who<Caller>, posted: Posted): Promise<Answer<never>> {
  requireTrustedNames(deps.trustedNames, posted.headers)
  const read = readMessage(posted)
  if (read instanceof Response) return relayResponse(Promise.resolve(read), { endWhenLeft: true, id: null })
  const { message, mode } = read
  const { headers } = posted
  const route = classifyInboundRequest({
    httpMethod: 'POST',
    body: message,
    ...(headers['mcp-protocol-version'] ? { protocolVersionHeader: headers['mcp-protocol-version'] } : {}),
    ...(headers['mcp-method'] ? { mcpMethodHeader: headers['mcp-method'] } : {}),
    ...(headers['mcp-name'] ? { mcpNameHeader: headers['mcp-name'] } : {}),
  })
  const isLegacy = route.kind === 'legacy'
  const asking: Asking = {
    who,
    asked: askedBy(who.caller, headers),
    modern: !isLegacy,
    streams: mode !== 'json',
    meta: metaOfHeaders(headers),
  }
  const pending = isLegacy
    ? serveLegacy(deps, asking, { message: message as JSONRPCMessage | JSONRPCMessage[], headers, mode })
    : serveModern(deps, asking, { message, headers, mode })
  return relayResponse(pending, {
    // What it answers with stands in a header, too: the session id.
    ...(mode === 'auto' && !isInitialize(message) ? { openAfterMs: deps.openStreamAfterMs } : {}),
    endWhenLeft: !isLegacy,
    id: idOf(message),
  })
}

const isInitialize = (message: unknown) => isJSONRPCRequest(message) && message.method === 'initialize'

/** The JSON that was sent and how its answer may be framed, or the refusal. */
function readMessage({ headers, body }: Posted): { message: unknown; mode: ResponseMode } | Response {
  if (!isJsonContentType(headers['content-type']))
    return rpcError(415, RPC.serverError, 'Content-Type must be application/json')
  const mode = responseModeOf(headers.accept)
  if (!mode) return rpcError(406, RPC.serverError, 'Accept must hold application/json, text/event-stream or both')
  const message = parseMessage(body)
  return message instanceof Response ? message : { message, mode }
}

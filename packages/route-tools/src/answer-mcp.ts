import { type Answer, relay } from '@jan/service-kit/answer'
import type { Caller } from '@jan/service-kit/auth'
import { tryParseJson } from '@jan/service-kit/json-body'
import { requireRight } from '@jan/service-kit/require-right'
import {
  createMcpHandler,
  isLegacyRequest,
  McpServer,
  ProtocolError,
  ProtocolErrorCode,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'
import { type Asking, callRoute } from './call-route.ts'
import { idempotencyKeyIn } from './idempotency-meta.ts'
import type { Visits } from './in-process.ts'
import type { RouteTool } from './route-tool.ts'

export type ToolServerOptions = { service: string; version: string; tools: RouteTool[]; visits: Visits }
export type ToolServer = (asking: Asking, posted: Buffer) => Promise<Answer<never>>

const CACHE = { 'tools/list': { ttlMs: 60_000, cacheScope: 'private' as const } }
const BOTH = 'application/json, text/event-stream'
/** One request must not start thousands. */
const MAX_BATCH = 100

/**
 * Answers POSTs of MCP clients of 2025-x and of 2026-07-28, without sessions. A tool here says nothing on its way, so
 * the answer is JSON, for clients that name no type, too; an event stream only for those that take nothing else.
 */
export function createToolServer(options: ToolServerOptions): ToolServer {
  const modern = (responseMode: 'auto' | 'sse') =>
    createMcpHandler(({ authInfo }) => buildServer(options, authInfo?.extra as Asking), {
      legacy: 'reject',
      responseMode,
      keepAliveMs: 0,
    })
  const handlers = { json: modern('auto'), sse: modern('sse') }
  return async (asking, posted) => {
    const mode = modeOf(asking.headers.accept)
    if (!mode) return relayResponse(refusal(406, -32000, 'Accept must hold application/json or text/event-stream'))
    const sent = tryParseJson(posted.toString())
    if (Array.isArray(sent) && sent.length > MAX_BATCH)
      return relayResponse(refusal(400, -32600, `A batch holds ${MAX_BATCH} messages at most`))
    const request = requestOf(asking, posted)
    if (await isLegacyRequest(request)) return relayResponse(await serveLegacy(options, asking, { request, mode }))
    const authInfo = { token: '', clientId: '', scopes: [], extra: asking }
    return relayResponse(await handlers[mode].fetch(request, { authInfo }))
  }
}

type Mode = 'json' | 'sse'

/** MCP asks clients to accept both; curl says everything or nothing, and must be able to print the answer. */
function modeOf(accept = '*/*'): Mode | undefined {
  if (/\*\/\*|application\/(\*|json)/i.test(accept)) return 'json'
  return /text\/(\*|event-stream)/i.test(accept) ? 'sse' : undefined
}

const refusal = (status: number, code: number, message: string) =>
  Response.json({ jsonrpc: '2.0', error: { code, message }, id: null }, { status })

/** What the client sent, as the library reads it. It hears of a client that leaves, which cancels a call since 2026-07-28. */
function requestOf({ headers, signal }: Asking, posted: Buffer): Request {
  const sent = Object.entries(headers).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string' && /^(mcp-|content-type$)/.test(entry[0]),
  )
  return new Request('http://in-process/mcp', {
    method: 'POST',
    headers: [...sent, ['accept', BOTH]],
    body: new Uint8Array(posted),
    signal,
  })
}

/** Until 2025-11-25 a lost connection is no cancellation, and each request stands for itself. */
async function serveLegacy(
  options: ToolServerOptions,
  asking: Asking,
  { request, mode }: { request: Request; mode: Mode },
): Promise<Response> {
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: mode === 'json' })
  await buildServer(options, asking).connect(transport)
  return transport.handleRequest(request)
}

/** A server for one request, with the caller in a closure; its two handlers read the table. */
function buildServer({ service, version, tools, visits }: ToolServerOptions, asking: Asking): McpServer {
  const product = new McpServer({ name: `jan-${service}`, version }, { cacheHints: CACHE })
  const { server } = product
  server.registerCapabilities({ tools: {} })
  server.setRequestHandler('tools/list', async () => ({
    tools: tools.filter(({ route }) => mayCall(route, asking.caller)).map(({ listed }) => listed),
  }))
  server.setRequestHandler('tools/call', ({ params }, { mcpReq }) => {
    const tool = tools.find(({ listed }) => listed.name === params.name)
    if (!tool) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${params.name}`)
    const idempotencyKey = idempotencyKeyIn(params._meta)
    const call = { ...asking, ...(idempotencyKey !== undefined && { idempotencyKey }), signal: mcpReq.signal }
    return callRoute(visits, tool, call, params.arguments ?? {})
  })
  return product
}

/** What somebody has no right to is not shown; who calls it all the same is told why not. */
function mayCall(route: RouteTool['route'], caller: Caller): boolean {
  if (route.auth === 'none') return true
  try {
    requireRight(route, caller)
    return true
  } catch {
    return false
  }
}

async function relayResponse(response: Response): Promise<Answer<never>> {
  const { status } = response
  const headers = Object.fromEntries([...response.headers].filter(([name]) => name !== 'content-length'))
  const isStream = headers['content-type']?.startsWith('text/event-stream')
  const body = isStream ? response.body : new Uint8Array(await response.arrayBuffer())
  return relay(body, { status, headers })
}

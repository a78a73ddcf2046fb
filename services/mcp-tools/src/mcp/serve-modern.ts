import type { RequestHeaders } from '@jan/service-kit/auth'
import { createMcpHandler, isJSONRPCRequest, type McpHttpHandler } from '@modelcontextprotocol/server'
import type { Deps } from '../deps.ts'
import { type Asking, carry } from './asking.ts'
import { buildServer, type ServerDeps } from './build-server.ts'
import { holdSubscription, isSubscription, refusalOf } from './hold-subscription.ts'
import type { ResponseMode } from './response-mode.ts'
import { refuseWrongParams } from './wrong-params.ts'

/** Serves 2026-07-28, where every request says in itself what older revisions said in `initialize`. */
export type ModernHandlers = { auto: McpHttpHandler; sse: McpHttpHandler }

export function createModernHandlers(deps: ServerDeps & Pick<Deps, 'log' | 'changes'>): ModernHandlers {
  const create = (responseMode: 'auto' | 'sse') =>
    createMcpHandler(({ authInfo }) => buildServer(deps, authInfo?.extra as Asking), {
      legacy: 'reject',
      responseMode,
      bus: deps.changes.bus,
      // Streams are kept alive where they are written.
      keepAliveMs: 0,
      onerror: (error) => deps.log.debug({ err: error }, 'mcp request refused'),
    })
  return { auto: create('auto'), sse: create('sse') }
}

/** A JSON-only client is served by `auto`: without progress nothing turns the answer into a stream. */
export async function serveModern(
  deps: Pick<Deps, 'modern' | 'changes' | 'streams'>,
  asking: Asking,
  { message, headers, mode }: { message: unknown; headers: RequestHeaders; mode: ResponseMode },
): Promise<Response> {
  const { modern, changes } = deps
  const { caller, signal } = asking.who
  const refusal = isSubscription(message) ? refusalOf(message) : undefined
  if (refusal) return refusal
  const wrong = isJSONRPCRequest(message) && (await refuseWrongParams(message, { modern: true, mode }))
  if (wrong) return wrong
  const sent = Object.entries(headers).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string' && /^(mcp-|content-type$)/.test(entry[0]),
  )
  const request = new Request('http://mcp-tools/v1/mcp', { method: 'POST', headers: sent, signal })
  const handler = modern[mode === 'sse' ? 'sse' : 'auto']
  const response = await changes.forWorkspace(caller.kind === 'service' ? undefined : caller.workspaceId, () =>
    handler.fetch(request, { parsedBody: message, authInfo: carry(asking) }),
  )
  return isSubscription(message) ? holdSubscription(deps, asking.who, response) : response
}

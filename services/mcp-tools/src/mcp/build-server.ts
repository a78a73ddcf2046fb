import type { Caller } from '@jan/service-kit/auth'
import type { Who } from '@jan/service-kit/who'
import { McpServer, type ServerContext } from '@modelcontextprotocol/server'
import packageJson from '../../package.json' with { type: 'json' }
import { callTool } from '../tools/call-tool.ts'
import { audienceOf, type Progress, type ToolDeps } from '../tools/tool.ts'

/** One request to the endpoint, and whether its answer may be a stream. */
export type Asking = { who: Who<Caller>; streams: boolean }

const IDENTITY = { name: 'jan-mcp-tools', title: 'Jan Server tools', version: packageJson.version }
const CACHE = { 'tools/list': { ttlMs: 60_000, cacheScope: 'private' as const } }

/**
 * A server for one request, with the caller in a closure. Nothing is registered tool by tool: that would cost more
 * than the call itself as soon as there are many. The two handlers read the table.
 */
export function buildServer(deps: ToolDeps, { who, streams }: Asking): McpServer {
  const product = new McpServer(IDENTITY, { cacheHints: CACHE })
  const { server } = product
  server.registerCapabilities({ tools: {} })
  server.setRequestHandler('tools/list', () => ({ tools: deps.tools.list(audienceOf(who.caller)) }))
  server.setRequestHandler('tools/call', ({ params }, context) => {
    const { caller, requestId, log } = who
    const { signal } = context.mcpReq
    const call = { caller, requestId, log, signal, progress: progressOf(context, streams) }
    return callTool(deps, call, { name: params.name, input: params.arguments ?? {} })
  })
  return product
}

const unheard: Progress = async () => {}

/** Progress goes to clients that asked for it by a token and take a stream. */
function progressOf({ mcpReq }: ServerContext, streams: boolean): Progress {
  const progressToken = mcpReq._meta?.progressToken
  if (!streams || progressToken === undefined) return unheard
  return (progress, total, message) =>
    mcpReq.notify({
      method: 'notifications/progress',
      params: { progressToken, progress, ...(total === undefined ? {} : { total }), ...(message ? { message } : {}) },
    })
}

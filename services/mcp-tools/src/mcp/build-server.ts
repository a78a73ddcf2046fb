import type { Caller } from '@jan/service-kit/auth'
import type { Who } from '@jan/service-kit/who'
import { McpServer, type ServerContext } from '@modelcontextprotocol/server'
import packageJson from '../../package.json' with { type: 'json' }
import { type CallDeps, callTool } from '../tools/call-tool.ts'
import type { Asked } from '../tools/surface.ts'
import type { Progress } from '../tools/tool.ts'

/** One request to the endpoint, and whether its answer may be a stream. */
export type Asking = { who: Who<Caller>; asked: Asked; streams: boolean }

const IDENTITY = { name: 'jan-mcp-tools', title: 'Jan Server tools', version: packageJson.version }
const CACHE = { 'tools/list': { ttlMs: 60_000, cacheScope: 'private' as const } }

/**
 * A server for one request, with the caller in a closure. Nothing is registered tool by tool: that would cost more
 * than the call itself as soon as there are many. The two handlers read the table.
 */
export function buildServer(deps: CallDeps, { who, asked, streams }: Asking): McpServer {
  const product = new McpServer(IDENTITY, { cacheHints: CACHE })
  const { server } = product
  server.registerCapabilities({ tools: {} })
  server.setRequestHandler('tools/list', async () => ({ tools: await deps.catalog.list(asked) }))
  server.setRequestHandler('tools/call', ({ params }, context) => {
    const { requestId, log } = who
    const { signal } = context.mcpReq
    const call = { ...asked, requestId, log, signal, progress: progressOf(context, streams) }
    return callTool(deps, call, { name: params.name, args: params.arguments ?? {} })
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

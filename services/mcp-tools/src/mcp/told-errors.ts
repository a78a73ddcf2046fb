import { toAppError } from '@jan/service-kit/errors'
import type { Logger } from '@jan/service-kit/logger'
import { ProtocolError, SdkError, type Server } from '@modelcontextprotocol/server'
import { RPC } from './json-rpc.ts'

/**
 * The library tells clients the text of whatever a handler throws: from here on only what was meant for them gets there,
 * and what was not is logged.
 */
export function hideForeignErrors(server: Server, log: Logger): void {
  const register = server.setRequestHandler.bind(server) as (method: string, handler: Handler) => void
  const registerSafely = (method: string, handler: Handler) =>
    register(method, async (request, context) => {
      try {
        return await handler(request, context)
      } catch (error) {
        // A cancelled request is not answered; the library's own errors are for its clients.
        if (context.mcpReq.signal.aborted || error instanceof ProtocolError || error instanceof SdkError) throw error
        const { code, message } = toAppError(error)
        if (code === 'internal') log.error({ err: error, method }, 'an MCP request failed')
        throw new ProtocolError(RPC.internalError, message)
      }
    })
  server.setRequestHandler = registerSafely as typeof server.setRequestHandler
}

type Handler = (request: unknown, context: { mcpReq: { signal: AbortSignal } }) => unknown

import type { ErrorCode } from '@jan/service-kit/errors'
import { RPC } from '../mcp/json-rpc.ts'

/** Where a failed result says which JSON-RPC code the failure would have had as an error. */
export const RESULT_CODE = 'jan/code'

/** The codes that MCP's users of old knew: −32000 for a time-out, −32602 for what they sent, −32603 for the rest. */
export function resultCodeOf(code: ErrorCode): number {
  if (code === 'upstream_timeout') return RPC.serverError
  return code === 'invalid_request' ? RPC.invalidParams : RPC.internalError
}

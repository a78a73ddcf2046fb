import type { AppError, ErrorPresenter } from '@jan/service-kit/errors'

/** JSON-RPC's own code for what failed here, and −32000 for what HTTP refuses before a message is looked at. */
export const rpcCodeOf = ({ code }: Pick<AppError, 'code'>): number => (code === 'internal' ? -32603 : -32000)

/** What is refused before a message is looked at (no token, too large): JSON-RPC's shape, and the text where Jan's clients look. */
export const presentRpcError: ErrorPresenter = (error, requestId) => ({
  jsonrpc: '2.0',
  error: { code: rpcCodeOf(error), message: error.message },
  id: null,
  message: error.message,
  request_id: requestId,
})

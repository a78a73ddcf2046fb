import { rpcCodeOf } from '@jan/route-tools/rpc-error'
import { toAppError } from '@jan/service-kit/errors'

/** JSON-RPC's own codes, and −32000 for what HTTP refuses before a message is looked at. */
export const RPC = {
  parseError: -32700,
  invalidRequest: -32600,
  invalidParams: -32602,
  internalError: -32603,
  serverError: -32000,
  sessionNotFound: -32001,
  /** Of revisions up to 2025-11-25; later ones say −32602. */
  resourceNotFound: -32002,
} as const

export type RpcId = string | number | null

/** A refusal as a JSON-RPC error, with the request's id where one could be read. */
export const rpcError = (status: number, code: number, message: string, id: RpcId = null): Response =>
  Response.json({ jsonrpc: '2.0', error: { code, message }, id }, { status })

/** The id of a message that may be anything. */
export function idOf(message: unknown): RpcId {
  const id = typeof message === 'object' && message !== null && 'id' in message ? message.id : null
  return typeof id === 'string' || typeof id === 'number' ? id : null
}

/** What went wrong inside an answer that has begun already, as an event's data. */
export const rpcFailure = (error: unknown, id: RpcId): string => {
  const known = toAppError(error)
  return JSON.stringify({ jsonrpc: '2.0', error: { code: rpcCodeOf(known), message: known.message }, id })
}

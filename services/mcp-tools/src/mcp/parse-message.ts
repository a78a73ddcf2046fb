import { parseJson } from '@jan/service-kit/json-body'
import { RPC, rpcError } from './json-rpc.ts'

/** The JSON of a body, or the refusal that says where it is broken. */
export function parseMessage(body: Buffer): unknown {
  if (body.length === 0) return rpcError(400, RPC.parseError, 'Parse error: the body is empty')
  try {
    return parseJson(body)
  } catch (error) {
    return rpcError(400, RPC.parseError, `Parse error: ${(error as Error).message}`)
  }
}

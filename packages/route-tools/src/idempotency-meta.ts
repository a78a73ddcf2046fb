import { ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server'

/** Where a client says in `_meta` that a call is the same as an earlier one. The header `Idempotency-Key` says it for a whole POST. */
export const IDEMPOTENCY_META_KEY = 'jan/idempotency-key'

/** The key in the `_meta` of a call, undefined when it names none. @throws ProtocolError −32602 for what is no key */
export function idempotencyKeyIn(meta: Record<string, unknown> | undefined): string | undefined {
  const key = meta?.[IDEMPOTENCY_META_KEY]
  if (key === undefined || (typeof key === 'string' && /^[!-~]{1,255}$/.test(key))) return key
  throw new ProtocolError(
    ProtocolErrorCode.InvalidParams,
    `_meta["${IDEMPOTENCY_META_KEY}"] must be a text of 1 to 255 visible ASCII characters`,
  )
}

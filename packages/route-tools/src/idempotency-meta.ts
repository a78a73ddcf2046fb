/** Where a client says in `_meta` that a call is the same as an earlier one. The header `Idempotency-Key` says it for a whole POST. */
export const IDEMPOTENCY_META_KEY = 'jan/idempotency-key'

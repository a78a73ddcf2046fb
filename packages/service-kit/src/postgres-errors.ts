/** SQLSTATEs, Prisma codes and socket errors that mean "no database behind this connection", not "a bad query". */
const DOWN =
  /^(08\w{3}|57P0[1-3]|53300|P1001|P1002|P1008|P1017|P2024|P2028|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)$/
const DOWN_KIND = /^(DatabaseNotReachable|ConnectionClosed|SocketTimeout|TooManyConnections|TlsConnectionError)$/
const DOWN_TEXT =
  /^(Connection terminated|timeout exceeded when trying to connect|Cannot use a pool after calling end|Client has encountered a connection error)/

/** True when the error, or anything it was caused by, says that PostgreSQL cannot be reached. Looks at shapes only, imports no driver. */
export function isDatabaseDown(error: unknown, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > 5) return false
  const { code, originalCode, kind, message, cause, errors, meta } = error as Record<string, unknown>
  return (
    [code, originalCode].some((value) => typeof value === 'string' && DOWN.test(value)) ||
    (typeof kind === 'string' && DOWN_KIND.test(kind)) ||
    (typeof message === 'string' && DOWN_TEXT.test(message)) ||
    isDatabaseDown(cause, depth + 1) ||
    (Array.isArray(errors) && errors.some((inner) => isDatabaseDown(inner, depth + 1))) ||
    isDatabaseDown((meta as Record<string, unknown> | undefined)?.driverAdapterError, depth + 1)
  )
}

/** The violated constraint or column list when the error is a unique violation (Prisma P2002 or SQLSTATE 23505), else undefined. */
export function uniqueViolation(error: unknown): string | undefined {
  const { code, constraint, meta } = (error ?? {}) as {
    code?: unknown
    constraint?: string
    meta?: Record<string, unknown>
  }
  if (code === '23505') return constraint ?? 'unique'
  if (code !== 'P2002') return undefined
  const cause = (meta?.driverAdapterError as { cause?: { constraint?: unknown } } | undefined)?.cause
  return JSON.stringify(cause?.constraint ?? meta?.target ?? 'unique')
}

import { z } from 'zod'
import { isDatabaseDown } from './postgres-errors.ts'

/**
 * Every way a request can end badly, and how each is shown on the wire.
 * `log` is the level of the one line that the edge writes; `retryable` tells callers that the same request may succeed later.
 */
export const ERRORS = {
  invalid_request: { status: 400, type: 'invalid_request_error', log: 'info', retryable: false },
  unauthenticated: { status: 401, type: 'authentication_error', log: 'info', retryable: false },
  forbidden: { status: 403, type: 'permission_error', log: 'warn', retryable: false },
  not_found: { status: 404, type: 'not_found_error', log: 'info', retryable: false },
  method_not_allowed: { status: 405, type: 'invalid_request_error', log: 'info', retryable: false },
  conflict: { status: 409, type: 'conflict_error', log: 'info', retryable: false },
  payload_too_large: { status: 413, type: 'invalid_request_error', log: 'info', retryable: false },
  unsupported_media_type: { status: 415, type: 'invalid_request_error', log: 'info', retryable: false },
  range_not_satisfiable: { status: 416, type: 'invalid_request_error', log: 'info', retryable: false },
  unprocessable: { status: 422, type: 'invalid_request_error', log: 'info', retryable: false },
  rate_limited: { status: 429, type: 'rate_limit_error', log: 'info', retryable: true },
  client_closed_request: { status: 499, type: 'client_closed_request', log: 'info', retryable: false },
  internal: { status: 500, type: 'server_error', log: 'error', retryable: false },
  upstream_failed: { status: 502, type: 'upstream_error', log: 'warn', retryable: true },
  unavailable: { status: 503, type: 'server_error', log: 'warn', retryable: true },
  upstream_timeout: { status: 504, type: 'upstream_error', log: 'warn', retryable: true },
} as const

export type ErrorCode = keyof typeof ERRORS

export type ErrorExtra = {
  /** Path of the field that is wrong, dotted (`messages.0.role`). */
  param?: string
  /** Overrides the table's status: an upstream's own 400, 404, 413 or 429 keeps its number. */
  status?: number
  /** Overrides `code` on the wire, e.g. an upstream's `model_not_found`. */
  wireCode?: string
  /** Sent with the answer, e.g. `Retry-After`, `WWW-Authenticate`. */
  headers?: Record<string, string>
  /** Logged, never sent. */
  cause?: unknown
  /** Logged instead of the message, when the message may quote what a caller sent. */
  logMessage?: string
  /** Overrides the table's `type` on the wire, e.g. by an upstream's own. */
  wireType?: string
}

/** The one error that is thrown on purpose. Its message is meant for the client; what must stay inside goes into `cause`. */
export class AppError extends Error {
  override name = 'AppError'
  readonly code: ErrorCode
  readonly extra: ErrorExtra

  constructor(code: ErrorCode, message: string, extra: ErrorExtra = {}) {
    super(message, { cause: extra.cause })
    this.code = code
    this.extra = extra
  }

  get status(): number {
    return this.extra.status ?? ERRORS[this.code].status
  }
}

export const notFound = (what: string, id: string) => new AppError('not_found', `${what} '${id}' was not found`)

export const invalid = (message: string, param?: string) =>
  new AppError('invalid_request', message, param === undefined ? {} : { param })

/** Something we need is away; the client may come back after `retryAfter` seconds. */
export const unavailable = (message: string, cause?: unknown, retryAfter = 2) =>
  new AppError('unavailable', message, { cause, headers: { 'retry-after': String(retryAfter) } })

/** The one place where foreign errors become ours. Unknown ones become `internal`, whose text is fixed. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  if (error instanceof z.ZodError) return fromZod(error)
  if (isDatabaseDown(error)) return unavailable('The database is not reachable right now', error)
  if (error instanceof Error && error.name === 'AbortError')
    return new AppError('client_closed_request', 'The client went away', { cause: error })
  return new AppError('internal', 'Internal server error', { cause: error })
}

function fromZod(error: z.ZodError): AppError {
  const issue = error.issues[0]
  const param = issue?.path.join('.')
  return invalid(param ? `${param}: ${issue?.message}` : (issue?.message ?? 'Invalid request'), param || undefined)
}

/** How one group of routes shows an error. */
export type ErrorPresenter = (error: AppError, requestId: string) => unknown

const wireCode = (error: AppError) => error.extra.wireCode ?? error.code

/** OpenAI's envelope (the SDK reads `error`), with the text again in `message` for older Jan clients. */
export const presentOpenAiError: ErrorPresenter = (error, requestId) => ({
  error: {
    message: error.message,
    type: error.extra.wireType ?? ERRORS[error.code].type,
    code: wireCode(error),
    param: error.extra.param ?? null,
  },
  message: error.message,
  request_id: requestId,
})

/** The flat envelope of `/v1/media*`, where `error` is the text. */
export const presentFlatError: ErrorPresenter = (error, requestId) => ({
  error: error.message,
  message: error.message,
  code: wireCode(error),
  request_id: requestId,
})

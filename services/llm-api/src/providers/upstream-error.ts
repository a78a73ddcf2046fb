import { AppError, ERRORS, type ErrorCode, type ErrorExtra } from '@jan/service-kit/errors'
import { isJsonObject, tryParseJson } from '@jan/service-kit/json-body'

export type Refusal = { status: number; headers: Record<string, string>; text: string }

/** What the client did wrong, in the provider's judgement: told with the provider's own status and words. */
const CLIENTS_FAULT = new Set([400, 404, 413, 422, 429])

const LONGEST_MESSAGE = 2_000

/** Where the same request may succeed: also at the same place a little later, only at another one, or nowhere. */
export type Retry = 'here' | 'elsewhere' | 'never'

export type UpstreamFacts = {
  retry: Retry
  /** What the provider asked for, in ms. */
  retryAfterMs?: number | undefined
  /** The request is too long for this model. */
  isTooLong?: boolean
}

/** What went wrong at a provider: an error for the client, with what the router needs to know of it. */
export class UpstreamError extends AppError {
  readonly retry: Retry
  readonly retryAfterMs: number | undefined
  readonly isTooLong: boolean

  constructor(code: ErrorCode, message: string, extra: ErrorExtra, facts: UpstreamFacts) {
    super(code, message, extra)
    this.retry = facts.retry
    this.retryAfterMs = facts.retryAfterMs
    this.isTooLong = facts.isTooLong ?? false
  }
}

/** The provider could not be reached, broke off, or sent what nobody asked for. */
export const upstreamFailure = (message: string, cause?: unknown, retry: Retry = 'here'): UpstreamError =>
  new UpstreamError('upstream_failed', message, { cause }, { retry })

/** Another wait of the same length at the same place would only double it. */
export const upstreamTimeout = (message: string, cause?: unknown): UpstreamError =>
  new UpstreamError('upstream_timeout', message, { cause }, { retry: 'elsewhere' })

/**
 * A provider's refusal as our error. What is the fault of our key, our address or the provider is 502 without its text,
 * which may name accounts and hosts of the operator.
 */
export function upstreamRefusal({ status, headers, text }: Refusal): UpstreamError {
  const retryAfterMs = readRetryAfter(headers)
  const { message, code, param, type } = errorIn(text)
  const isTooLong = (status === 400 || status === 413 || status === 422) && TOO_LONG.test(`${code} ${message}`)
  const facts = { retry: retryOf(status), retryAfterMs, isTooLong }
  if (!CLIENTS_FAULT.has(status)) return new UpstreamError('upstream_failed', ownWords(status), { headers }, facts)
  const extra = {
    status,
    headers,
    // Providers quote what was sent to them.
    logMessage: `The model provider refused the request (${status})`,
    wireType: type ?? (status === 429 ? ERRORS.rate_limited.type : ERRORS.invalid_request.type),
    ...(code === undefined ? {} : { wireCode: code }),
    ...(param === undefined ? {} : { param }),
  }
  return new UpstreamError(
    'upstream_failed',
    message ?? `The model provider refused the request (${status})`,
    extra,
    facts,
  )
}

function retryOf(status: number): Retry {
  if (status === 408 || status === 429 || status >= 500) return 'here'
  return status === 400 || status === 413 || status === 422 ? 'never' : 'elsewhere'
}

/** The words by which providers say that a prompt does not fit: OpenAI and vLLM, Anthropic, Google, llama.cpp. */
const TOO_LONG =
  /context_length_exceeded|exceed_context_size|context (length|window|size)|prompt is too long|input token count|too many (input )?tokens|maximum (context|number of tokens)/i

/** Seconds, or a date; `retry-after-ms` is more exact (OpenAI, Azure). */
function readRetryAfter(headers: Record<string, string>): number | undefined {
  const ms = Number(headers['retry-after-ms'])
  if (ms >= 0) return ms
  const text = headers['retry-after']
  if (text === undefined) return undefined
  const wait = Number(text) >= 0 ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined
}

function ownWords(status: number): string {
  if (status === 401 || status === 403)
    return `The model provider does not accept this server's key (it answered ${status})`
  return `The model provider failed (it answered ${status})`
}

/** The shapes in use: `{error: {message, code, param}}`, `{error: text}`, `{message}`, `{detail}`. */
function errorIn(text: string): { message?: string; code?: string; param?: string; type?: string } {
  const body = objectIn(text)
  const error = isJsonObject(body.error) ? body.error : body
  const [message] = [error.message, body.error, body.message, body.detail].filter(isText)
  return {
    ...(message === undefined ? {} : { message: message.slice(0, LONGEST_MESSAGE) }),
    ...(isText(error.type) ? { type: error.type } : {}),
    ...(isText(error.code) ? { code: error.code } : {}),
    ...(isText(error.param) ? { param: error.param } : {}),
  }
}

type Json = Record<string, unknown>

function objectIn(text: string): Json {
  const value = tryParseJson(text)
  return isJsonObject(value) ? value : {}
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

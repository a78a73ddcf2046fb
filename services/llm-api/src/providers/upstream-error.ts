import { AppError, ERRORS } from '@jan/service-kit/errors'

export type Refusal = { status: number; headers: Record<string, string>; text: string }

/** What the client did wrong, in the provider's judgement: told with the provider's own status and words. */
const CLIENTS_FAULT = new Set([400, 404, 413, 422, 429])

const LONGEST_MESSAGE = 2_000

/**
 * A provider's refusal as our error. What is the fault of our key, our address or the provider is 502 without its text,
 * which may name accounts and hosts of the operator.
 */
export function upstreamRefusal({ status, headers, text }: Refusal): AppError {
  if (!CLIENTS_FAULT.has(status)) return new AppError('upstream_failed', ownWords(status), { headers })
  const { message, code, param, type } = errorIn(text)
  return new AppError('upstream_failed', message ?? `The model provider refused the request (${status})`, {
    status,
    headers,
    // Providers quote what was sent to them.
    logMessage: `The model provider refused the request (${status})`,
    wireType: type ?? (status === 429 ? ERRORS.rate_limited.type : ERRORS.invalid_request.type),
    ...(code === undefined ? {} : { wireCode: code }),
    ...(param === undefined ? {} : { param }),
  })
}

function ownWords(status: number): string {
  if (status === 401 || status === 403)
    return `The model provider does not accept this server's key (it answered ${status})`
  return `The model provider failed (it answered ${status})`
}

/** The shapes in use: `{error: {message, code, param}}`, `{error: text}`, `{message}`, `{detail}`. */
function errorIn(text: string): { message?: string; code?: string; param?: string; type?: string } {
  const body = objectIn(text)
  const error = isObject(body.error) ? body.error : body
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
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : {}
  } catch {
    return {}
  }
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

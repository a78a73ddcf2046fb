import { text as textOf } from 'node:stream/consumers'
import { Pool } from 'undici'
import type { Caller } from './auth.ts'
import { AppError, type ErrorCode, unavailable } from './errors.ts'
import type { Grant, InternalTokens } from './internal-token.ts'
import { writeJson } from './json-body.ts'

export type PeerOptions = {
  /** Name of the called service: the audience of the token, and the subject of error texts. */
  service: string
  baseUrl: string
  tokens: InternalTokens
  /** Longest wait for a connection and for the head of an answer, in ms. */
  timeoutMs: number
  /** Longest silence inside a body, in ms; `timeoutMs` when absent. */
  idleMs?: number
}

export type PeerRequest = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  /** For whom: the token carries this caller, never more. */
  caller: Caller
  requestId: string
  signal: AbortSignal
  json?: unknown
  headers?: Record<string, string>
  grant?: Grant
  timeoutMs?: number
}

export type PeerResponse = {
  status: number
  headers: Record<string, string>
  body: AsyncIterable<Uint8Array>
  text(): Promise<string>
}

/** Another of our services. */
export type Peer = {
  /** Any status but a refusal to connect is an answer. @throws AppError `unavailable` | `upstream_timeout` */
  send(request: PeerRequest): Promise<PeerResponse>
  /** The JSON of a 2xx. @throws AppError with the peer's own code and text for 4xx, `upstream_failed` otherwise */
  json<T>(request: PeerRequest): Promise<T>
  check(): Promise<void>
  close(): Promise<void>
}

const CHECK_MS = 1500
/** Safe to send again when the first attempt did not reach the peer. */
const IDEMPOTENT = new Set(['GET', 'PUT', 'DELETE'])

export function connectPeer(options: PeerOptions): Peer {
  const pool = new Pool(new URL(options.baseUrl).origin, {
    // As many connections as calls: one that waited in a queue would hear neither its time-out nor its caller.
    connections: null,
    connect: { timeout: Math.min(options.timeoutMs, 2000) },
    keepAliveTimeout: 30_000,
    headersTimeout: 0,
    bodyTimeout: options.idleMs ?? options.timeoutMs,
  })

  const once = async (request: PeerRequest): Promise<PeerResponse> => {
    const token = await options.tokens.mint(options.service, request.caller, request.grant)
    const late = AbortSignal.timeout(request.timeoutMs ?? options.timeoutMs)
    const waiting = new AbortController()
    const abort = () => waiting.abort(request.signal.aborted ? request.signal.reason : late.reason)
    request.signal.addEventListener('abort', abort)
    late.addEventListener('abort', abort)
    if (request.signal.aborted) abort()
    try {
      const answer = await pool.request({
        method: request.method,
        path: request.path,
        signal: waiting.signal,
        headers: {
          authorization: `Bearer ${token}`,
          'x-request-id': request.requestId,
          ...(request.json === undefined ? {} : { 'content-type': 'application/json' }),
          ...request.headers,
        },
        body: request.json === undefined ? null : writeJson(request.json),
      })
      // A body that nobody reads any more may still be cut; without a listener that would end the process.
      answer.body.on('error', () => undefined)
      return {
        status: answer.statusCode,
        headers: Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, String(value)])),
        body: unbroken(answer.body, options.service),
        text: () => textOf(unbroken(answer.body, options.service)),
      }
    } catch (error) {
      if (request.signal.aborted) throw request.signal.reason
      if (late.aborted)
        throw new AppError('upstream_timeout', `${options.service} took too long to answer`, { cause: error })
      throw unavailable(`${options.service} is not reachable right now`, error)
    } finally {
      // The head is here: from now on only the caller's own signal ends the body.
      late.removeEventListener('abort', abort)
    }
  }

  const send = (request: PeerRequest) =>
    once(request).catch((error: unknown) => {
      const again = IDEMPOTENT.has(request.method) && error instanceof AppError && error.code === 'unavailable'
      if (again && !request.signal.aborted) return once(request)
      throw error
    })

  return {
    send,
    json: async <T>(request: PeerRequest): Promise<T> => {
      const answer = await send(request)
      const text = await answer.text()
      if (answer.status >= 200 && answer.status < 300) return JSON.parse(text) as T
      throw peerError(options.service, answer, text)
    },
    check: async () => {
      const signal = AbortSignal.timeout(CHECK_MS)
      const { statusCode, body } = await pool.request({ method: 'GET', path: '/healthz', signal })
      await body.dump({ limit: 1024, signal })
      if (statusCode !== 200) throw new Error(`${options.service} answered ${statusCode}`)
    },
    close: () => pool.destroy(),
  }
}

/** A body whose end is the peer's failure, in our words, and the caller's leaving is the caller's. */
async function* unbroken(body: AsyncIterable<Uint8Array>, service: string): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (error) {
    const { name, code } = error as NodeJS.ErrnoException
    if (error instanceof AppError || name === 'AbortError') throw error
    if (code === 'UND_ERR_BODY_TIMEOUT')
      throw new AppError('upstream_timeout', `${service} fell silent in the middle of its answer`, { cause: error })
    throw new AppError('upstream_failed', `${service} broke off in the middle of its answer`, { cause: error })
  }
}

const PASSED_ON: Record<number, ErrorCode> = {
  400: 'invalid_request',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  422: 'unprocessable',
  429: 'rate_limited',
  503: 'unavailable',
}

/** A refusal of a peer in our own words: what the caller did wrong keeps its status and text, the rest is the peer's failure. */
export function peerError(service: string, answer: Pick<PeerResponse, 'status' | 'headers'>, text: string): AppError {
  const code = PASSED_ON[answer.status]
  const retryAfter = answer.headers['retry-after']
  if (!code)
    return new AppError('upstream_failed', `${service} failed`, {
      cause: new Error(`${answer.status} ${text.slice(0, 500)}`),
    })
  return new AppError(
    code,
    messageOf(text) ?? `${service} refused the request`,
    retryAfter ? { headers: { 'retry-after': retryAfter } } : {},
  )
}

function messageOf(text: string): string | undefined {
  try {
    const { message } = JSON.parse(text) as { message?: unknown }
    return typeof message === 'string' ? message : undefined
  } catch {
    return undefined
  }
}

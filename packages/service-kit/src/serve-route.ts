import type { IncomingMessage, ServerResponse } from 'node:http'
import { trace } from '@opentelemetry/api'
import type { Authenticate, Caller, Challenge } from './auth.ts'
import { bearerChallenge, unauthenticated } from './auth.ts'
import { AppError, ERRORS, type ErrorPresenter, invalid, presentOpenAiError, toAppError } from './errors.ts'
import { fingerprintOf, type Idempotency, readIdempotencyKey } from './idempotency.ts'
import { newId, requestIdFrom } from './ids.ts'
import { parseJsonBody, readBody } from './json-body.ts'
import type { Logger } from './logger.ts'
import type { HttpMetrics } from './metrics.ts'
import type { RateLimiter } from './rate-limit.ts'
import { enforceLimit } from './rate-limit-headers.ts'
import { isOptional, isRaw, type Route } from './route.ts'
import { sendAnswer, sendJson } from './send-answer.ts'

export type ServeOptions = {
  log: Logger
  metrics: HttpMetrics
  authenticate: Authenticate
  /** Largest JSON body, in bytes. */
  bodyLimit: number
  challenge?: Challenge
  /** For paths that no route answers, and routes without their own. */
  presentError?: ErrorPresenter
  /** Requests per person or key; services that act for a person were counted where the person came in. */
  limiter?: RateLimiter
  /** Needed by routes that are `idempotent`. */
  idempotency?: Idempotency
}

/** A request that found its route. */
type Request = IncomingMessage & {
  params: Record<string, string | string[]>
  query: unknown
  path: string
  originalUrl: string
}
type Response = ServerResponse

type Exchange = { requestId: string; log: Logger; presentError: ErrorPresenter }

/** One request: authenticate → limit → validate → act (once per Idempotency-Key) → send; every failure ends in one line of log. */
export async function serveRoute(
  options: ServeOptions,
  route: Route,
  request: Request,
  response: Response,
): Promise<void> {
  const exchange = begin(options, route.operation, route.presentError, request, response)
  const left = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) left.abort(new AppError('client_closed_request', 'The client went away'))
  })
  try {
    const caller = await authenticate(options, route, request)
    if (options.limiter && caller) enforceLimit(options.limiter, caller, response)
    const result = await act(options, route, request, { ...exchange, caller, signal: left.signal })
    await sendAnswer(response, result, {
      requestId: exchange.requestId,
      presentError: exchange.presentError,
      onLateError: (error) => logError(exchange.log, error),
    })
  } catch (error) {
    sendError(
      response,
      exchange,
      left.signal.aborted
        ? new AppError('client_closed_request', 'The client went away', { cause: error })
        : toAppError(error),
    )
  }
}

async function authenticate(options: ServeOptions, route: Route, request: Request): Promise<Caller | undefined> {
  if (route.auth === 'none') return undefined
  const caller = await options.authenticate(request.headers as Record<string, string | undefined>)
  if (!caller) throw unauthenticated('You need to send a token', (options.challenge ?? bearerChallenge)())
  if (route.auth === 'person' && caller.kind === 'service')
    throw new AppError('forbidden', 'A service may not call this for itself')
  return caller
}

type Asked = { requestId: string; log: Logger; caller: Caller | undefined; signal: AbortSignal }

async function act(options: ServeOptions, route: Route, request: Request, asked: Asked): Promise<unknown> {
  const { requestId, log, caller, signal } = asked
  const headers = request.headers as Record<string, string | undefined>
  const params = route.params?.parse(joinSegments(request.params))
  const query = route.query?.parse(request.query)
  const raw = route.body ? await readBody(request, bodyLimit(options, route)) : undefined
  const body = readRouteBody(route, raw)
  // What the types of a route promise, its schemas have just made true.
  const input = (makeId: typeof newId) =>
    ({ params, query, body, headers, who: { caller, requestId, signal, log, newId: makeId } }) as never
  const key = route.idempotent && caller ? readIdempotencyKey(headers) : undefined
  if (key === undefined || !options.idempotency) return route.handler(input(newId))
  const { replay } = route
  return options.idempotency.once(
    {
      owner: ownerOf(caller!),
      key,
      fingerprint: fingerprintOf(route.operation, request.originalUrl, raw),
      log,
    },
    {
      act: async (makeId) => route.handler(input(makeId)),
      ...(replay ? { replay: async (makeId) => replay(input(makeId)) } : {}),
    },
  )
}

const ownerOf = (caller: Caller) =>
  caller.kind === 'service'
    ? { workspaceId: `service ${caller.service}`, subject: caller.service }
    : { workspaceId: caller.workspaceId, subject: caller.subject }

const bodyLimit = (options: ServeOptions, { body, bodyLimit: own }: Route): number =>
  body && isRaw(body) ? body.limit : (own ?? options.bodyLimit)

function readRouteBody(route: Route, raw: Buffer | undefined): unknown {
  if (!route.body || isRaw(route.body)) return raw
  const body = parseJsonBody(raw!)
  if (body === undefined && !isOptional(route.body)) throw invalid('This needs a JSON body')
  return route.body.parse(body)
}

const joinSegments = (params: Record<string, string | string[]>) =>
  Object.fromEntries(
    Object.entries(params).map(([name, value]) => [name, Array.isArray(value) ? value.join('/') : value]),
  )

function begin(
  options: ServeOptions,
  operation: string,
  presentError: ErrorPresenter | undefined,
  request: Request,
  response: Response,
): Exchange {
  const started = process.hrtime.bigint()
  const requestId = requestIdFrom(request.headers['x-request-id'] as string | undefined)
  response.setHeader('x-request-id', requestId)
  trace.getActiveSpan()?.updateName(operation).setAttribute('request.id', requestId)
  const log = options.log.child({ request_id: requestId, operation })
  options.metrics.inFlight.inc()
  response.once('close', () => {
    options.metrics.inFlight.dec()
    const seconds = Number(process.hrtime.bigint() - started) / 1e9
    const status = response.writableFinished ? response.statusCode : 499
    options.metrics.observe(operation, status, seconds)
    log.info({ status, ms: Math.round(seconds * 1000), method: request.method, path: request.path }, 'request')
  })
  return { requestId, log, presentError: presentError ?? options.presentError ?? presentOpenAiError }
}

/** For what no route answers. */
export function refuse(options: ServeOptions, request: Request, response: Response, error: AppError): void {
  sendError(response, begin(options, 'unknown', undefined, request, response), error)
}

function sendError(response: Response, exchange: Exchange, error: AppError): void {
  logError(exchange.log, error)
  if (response.headersSent) return void response.destroy()
  sendJson(response, error.status, exchange.presentError(error, exchange.requestId), error.extra.headers)
}

function logError(log: Logger, error: AppError): void {
  const level = ERRORS[error.code].log
  log[level](
    { code: error.code, ...(error.extra.cause === undefined ? {} : { err: error.extra.cause }) },
    error.extra.logMessage ?? error.message,
  )
}

import { trace } from '@opentelemetry/api'
import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import type { Authenticate, Challenge } from './auth.ts'
import { bearerChallenge, unauthenticated } from './auth.ts'
import { AppError, ERRORS, type ErrorPresenter, invalid, presentOpenAiError, toAppError } from './errors.ts'
import { checkReadiness, type Dependency } from './health.ts'
import { requestIdFrom } from './ids.ts'
import { readBody, readJsonBody } from './json-body.ts'
import type { Logger } from './logger.ts'
import type { HttpMetrics } from './metrics.ts'
import { openApiDocument } from './openapi.ts'
import { isOptional, isRaw, type Route } from './route.ts'
import { sendAnswer, sendJson } from './send-answer.ts'

export type HttpAppOptions = {
  service: string
  version: string
  log: Logger
  metrics: HttpMetrics
  authenticate: Authenticate
  routes: Route[]
  dependencies: Dependency[]
  /** Largest JSON body, in bytes. */
  bodyLimit: number
  challenge?: Challenge
  /** For paths that no route answers, and routes without their own. */
  presentError?: ErrorPresenter
}

export type HttpApp = { handler: Express; drain(): void }

/** The one door to Express: routes in, answers out, and what every service serves besides. */
export function createHttpApp(options: HttpAppOptions): HttpApp {
  const app = express()
  app.disable('x-powered-by').disable('etag').set('case sensitive routing', true)
  let draining = false
  app.get('/healthz', (_request, response) => sendJson(response, 200, { status: 'ok', service: options.service }))
  app.get('/readyz', async (_request, response) => {
    const readiness = await checkReadiness(options.dependencies, draining)
    sendJson(response, readiness.status === 'ready' ? 200 : 503, { ...readiness, service: options.service })
  })
  app.get('/metrics', async (_request, response) => {
    response
      .writeHead(200, { 'content-type': options.metrics.registry.contentType })
      .end(await options.metrics.registry.metrics())
  })
  const version = { service: options.service, version: options.version, node: process.versions.node }
  app.get('/v1/version', (_request, response) => sendJson(response, 200, version))
  const document = openApiDocument(options.service, options.version, options.routes)
  app.get('/openapi.json', (_request, response) => sendJson(response, 200, document))

  const methods = new Map<string, Set<string>>()
  for (const route of options.routes)
    for (const path of [route.path, ...(route.aliases ?? [])]) {
      app[route.method](expressPath(path), (request, response) => serve(options, route, request, response))
      methods.set(path, (methods.get(path) ?? new Set()).add(route.method.toUpperCase()))
    }
  for (const [path, allowed] of methods)
    app.all(expressPath(path), (request, response) => {
      if (request.method === 'OPTIONS')
        return void response.writeHead(204, { allow: [...allowed, 'OPTIONS'].join(', ') }).end()
      const error = new AppError('method_not_allowed', `${request.method} is not allowed here`, {
        headers: { allow: [...allowed].join(', ') },
      })
      refuse(options, request, response, error)
    })
  app.use((request, response) =>
    refuse(options, request, response, new AppError('not_found', `There is no ${request.method} ${request.path} here`)),
  )
  // What Express itself refuses, such as a path with a broken percent escape, before any route is asked.
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
    const isTheirs = (error as { status?: number }).status === 400
    refuse(options, request, response, isTheirs ? invalid('The path cannot be decoded') : toAppError(error))
  })
  return {
    handler: app,
    drain: () => {
      draining = true
    },
  }
}

/** `{id}` → `:id`, `{id+}` → `*id`. */
const expressPath = (path: string) => path.replace(/\{(\w+)\+\}/g, '*$1').replace(/\{(\w+)\}/g, ':$1')

type Exchange = { requestId: string; log: Logger; presentError: ErrorPresenter; operation: string }

async function serve(options: HttpAppOptions, route: Route, request: Request, response: Response): Promise<void> {
  const exchange = begin(options, route.operation, route.presentError, request, response)
  const left = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) left.abort(new AppError('client_closed_request', 'The client went away'))
  })
  try {
    const input = await readInput(options, route, request, exchange, left.signal)
    const result = await route.handler(input as never)
    const onLateError = (error: AppError) => logError(exchange.log, error)
    await sendAnswer(response, result, {
      requestId: exchange.requestId,
      presentError: exchange.presentError,
      onLateError,
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

async function readInput(
  options: HttpAppOptions,
  route: Route,
  request: Request,
  { requestId, log }: Exchange,
  signal: AbortSignal,
) {
  const headers = request.headers as Record<string, string | undefined>
  const caller = route.auth === 'none' ? undefined : await options.authenticate(headers)
  if (route.auth !== 'none' && !caller)
    throw unauthenticated('You need to send a token', (options.challenge ?? bearerChallenge)())
  if (route.auth === 'person' && caller?.kind === 'service')
    throw new AppError('forbidden', 'A service may not call this for itself')
  return {
    params: route.params?.parse(joinSegments(request.params)),
    query: route.query?.parse(request.query),
    body: await readRouteBody(options, route, request),
    headers,
    who: { caller, requestId, signal, log },
  }
}

async function readRouteBody(options: HttpAppOptions, route: Route, request: Request): Promise<unknown> {
  if (!route.body) return undefined
  if (isRaw(route.body)) return readBody(request, route.body.limit)
  const body = await readJsonBody(request, route.bodyLimit ?? options.bodyLimit)
  if (body === undefined && !isOptional(route.body)) throw invalid('This needs a JSON body')
  return route.body.parse(body)
}

const joinSegments = (params: Record<string, string | string[]>) =>
  Object.fromEntries(
    Object.entries(params).map(([name, value]) => [name, Array.isArray(value) ? value.join('/') : value]),
  )

function begin(
  options: HttpAppOptions,
  operation: string,
  presentError: ErrorPresenter | undefined,
  request: Request,
  response: Response,
): Exchange {
  const started = process.hrtime.bigint()
  const requestId = requestIdFrom(request.get('x-request-id'))
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
  return { requestId, log, presentError: presentError ?? options.presentError ?? presentOpenAiError, operation }
}

function refuse(options: HttpAppOptions, request: Request, response: Response, error: AppError): void {
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

import { STATUS_CODES } from 'node:http'
import type { RequestHandler, Router } from 'express'

/** An answer that ends a request early: thrown anywhere, written by `answerError` of `identity.ts`. */
export class HttpError extends Error {
  readonly answer: { status: number; body: unknown; headers: Record<string, string> }

  /** @param body JSON; none means an empty answer */
  constructor(status: number, body?: unknown, headers: Record<string, string> = {}) {
    super(`HTTP ${status} ${JSON.stringify(body ?? '')}`)
    this.answer = { status, body, headers }
  }
}

export const oauthError = (status: number, error: string, description: string) =>
  new HttpError(status, { error, error_description: description })

export const plainError = (status: 401 | 403 | 404 | 405) =>
  new HttpError(status, { error: `HTTP ${status} ${STATUS_CODES[status]}` })

/** What Keycloak says when it fails itself, and of a few requests that it does not expect. */
export const unknownError = () => oauthError(500, 'unknown_error', 'For more on this error consult the server log.')

/** A handler that refuses whatever comes. */
export const refuse =
  (error: HttpError): RequestHandler =>
  () => {
    throw error
  }

/** For whatever no route has answered. */
export const notFound = refuse(plainError(404))

/** One path with its methods; any other method is answered 405. */
export function addRoute(
  router: Router,
  path: string,
  handlers: Partial<Record<'get' | 'post' | 'put' | 'delete', RequestHandler>>,
): void {
  const route = router.route(path)
  for (const [method, handler] of Object.entries(handlers)) route[method as 'get'](handler)
  route.all(refuse(plainError(405)))
}

/** What express's body parsers and router refuse is the client's fault; anything that is no answer yet is ours. */
export function answerOf(error: Error & { status?: number; type?: string; code?: string }): HttpError {
  if (error instanceof HttpError) return error
  if (error.type === 'entity.parse.failed') return oauthError(400, 'invalid_request', 'Cannot parse the JSON')
  // PostgreSQL's codes for what it cannot hold: a zero byte, plain or escaped in JSON.
  if (error.code?.startsWith('22')) return oauthError(400, 'invalid_request', 'Invalid character')
  return error.status ? new HttpError(error.status, { error: error.message }) : unknownError()
}

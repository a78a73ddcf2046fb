import type { RequestHandler, Router } from 'express'

/** An answer that ends a request early: thrown anywhere, written by the error handler of `identity.ts`. */
export class HttpError extends Error {
  readonly status: number
  /** JSON body; none means an empty answer. */
  readonly body: unknown
  readonly headers: Record<string, string>

  constructor(status: number, body?: unknown, headers: Record<string, string> = {}) {
    super(`HTTP ${status} ${JSON.stringify(body ?? '')}`)
    this.status = status
    this.body = body
    this.headers = headers
  }
}

export const oauthError = (status: number, error: string, description: string) =>
  new HttpError(status, { error, error_description: description })

const WORDS = { 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed' }
export const plainError = (status: keyof typeof WORDS) =>
  new HttpError(status, { error: `HTTP ${status} ${WORDS[status]}` })

/** What Keycloak says when it fails itself, and of a few requests that it does not expect. */
export const unknownError = () => oauthError(500, 'unknown_error', 'For more on this error consult the server log.')

type Handlers = Partial<Record<'get' | 'post' | 'put' | 'delete' | 'options', RequestHandler | RequestHandler[]>>

/** One path with its methods; any other method is answered 405. `before` runs first, for the named methods only. */
export function addRoute(router: Router, path: string, handlers: Handlers, before: RequestHandler[] = []): void {
  const route = router.route(path)
  for (const [method, handler] of Object.entries(handlers)) route[method as keyof Handlers]([...before, handler].flat())
  route.all(() => {
    throw plainError(405)
  })
}

export const notFound: RequestHandler = () => {
  throw plainError(404)
}

/** PostgreSQL's codes for text that it cannot hold: a zero byte, plain or escaped in JSON. */
const UNSTORABLE = ['22021', '22P05']

/** What express's body parsers and router refuse is the client's fault; anything that is no answer yet is ours. */
export function answerOf(error: Error & { status?: number; type?: string; code?: string }): HttpError {
  if (error instanceof HttpError) return error
  if (error.type === 'entity.parse.failed') return oauthError(400, 'invalid_request', 'Cannot parse the JSON')
  if (error.code && UNSTORABLE.includes(error.code)) return oauthError(400, 'invalid_request', 'Invalid character')
  const refused = (error.type !== undefined || error instanceof URIError) && error.status !== undefined
  return refused ? new HttpError(Number(error.status), { error: error.message }) : unknownError()
}

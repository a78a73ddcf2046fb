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

const STATUS_TEXT: Record<number, string> = {
  401: 'HTTP 401 Unauthorized',
  403: 'HTTP 403 Forbidden',
  404: 'HTTP 404 Not Found',
  405: 'HTTP 405 Method Not Allowed',
}

export const plainError = (status: 401 | 403 | 404 | 405) => new HttpError(status, { error: STATUS_TEXT[status] })

/** What Keycloak says when it fails itself, and of a few requests that it does not expect. */
export const unknownError = () => oauthError(500, 'unknown_error', 'For more on this error consult the server log.')

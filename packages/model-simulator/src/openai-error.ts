import { ZodError } from 'zod'

/** A refusal, written by the server as `status` and `body` in OpenAI's shape; `fields` win over the standard ones. */
export class OpenAiError extends Error {
  readonly status: number
  readonly body: { error: object }

  constructor(status: number, message: string, fields: { code?: string; param?: string } = {}) {
    super(message)
    this.status = status
    const type = status < 500 ? 'invalid_request_error' : 'server_error'
    this.body = { error: { message, type, param: null, code: null, ...fields } }
  }
}

/** Any failure as a refusal: 400 for text that is not JSON and for the first field that does not fit, else 500. */
export function refusalOf(error: unknown): OpenAiError {
  if (error instanceof OpenAiError) return error
  if (error instanceof SyntaxError) return new OpenAiError(400, `Not JSON: ${error.message}`)
  if (!(error instanceof ZodError)) return new OpenAiError(500, `The simulator failed: ${error}`)
  const { path = [], message } = error.issues[0] ?? {}
  return new OpenAiError(400, [path.join('.'), message].filter(Boolean).join(': '))
}

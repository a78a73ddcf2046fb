const types: Record<number, string> = { 401: 'authentication_error', 403: 'permission_error', 429: 'rate_limit_error' }

/** A refusal; thrown anywhere, written by the server in OpenAI's error shape. */
export class OpenAiError extends Error {
  readonly status: number
  readonly body: { error: { message: string; type: string; param: string | null; code: string | null } }

  constructor(status: number, message: string, code: string | null = null, param: string | null = null) {
    super(message)
    this.status = status
    const type = types[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error')
    this.body = { error: { message, type, param, code } }
  }
}

/** Throws a 400 about `param` unless the condition holds. */
export function check(holds: boolean, message: string, param: string | null = null): asserts holds {
  if (!holds) throw new OpenAiError(400, message, null, param)
}

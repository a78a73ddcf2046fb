import type { ZodType } from 'zod'

const types: Record<number, string> = { 401: 'authentication_error', 403: 'permission_error', 429: 'rate_limit_error' }

/** A refusal; thrown anywhere, written by the server as `status` and `body` in OpenAI's shape. `fields` are merged over the standard ones. */
export class OpenAiError extends Error {
  readonly status: number
  readonly body: { error: object }

  constructor(status: number, message: string, fields: { code?: string; param?: string | null } = {}) {
    super(message)
    this.status = status
    const type = types[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error')
    this.body = { error: { message, type, param: null, code: null, ...fields } }
  }
}

/** The value as the schema reads it. Throws 400 naming the first field that does not fit. */
export function parseWith<T>(schema: ZodType<T>, value: unknown): T {
  const { success, data, error } = schema.safeParse(value)
  if (success) return data
  const { path = [], message = '' } = error.issues[0] ?? {}
  const param = path.join('.')
  throw new OpenAiError(400, param ? `${param}: ${message}` : message, { param: param || null })
}

/** Throws 400 where the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new OpenAiError(400, `Not JSON: ${(error as Error).message}`)
  }
}

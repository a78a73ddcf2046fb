import type { ZodType } from 'zod'

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

/** The value as the schema reads it. Throws 400 naming the first field that does not fit. */
export function parseWith<T>(schema: ZodType<T>, value: unknown): T {
  const { success, data, error } = schema.safeParse(value)
  if (success) return data
  const { path = [], message } = error.issues[0] ?? {}
  throw new OpenAiError(400, [path.join('.'), message].filter(Boolean).join(': '))
}

/** Throws 400 where the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new OpenAiError(400, `Not JSON: ${(error as Error).message}`)
  }
}

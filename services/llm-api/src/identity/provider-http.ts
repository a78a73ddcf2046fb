import { AppError, unavailable } from '@jan/service-kit/errors'
import { tryParseJson } from '@jan/service-kit/json-body'
import { type Dispatcher, Pool } from 'undici'
import type { z } from 'zod'

export type ProviderAnswer = { status: number; headers: Dispatcher.ResponseData['headers']; text: string }

/** Calls to the identity provider. @throws AppError `unavailable` when it is away or still starting */
export type ProviderHttp = {
  send(request: Omit<Dispatcher.RequestOptions, 'origin' | 'path'> & { path: string }): Promise<ProviderAnswer>
  /** Sends a form, as OAuth's endpoints take it. */
  post(path: string, form: Record<string, string>): Promise<ProviderAnswer>
  close(): Promise<void>
}

const TIMEOUT_MS = 10_000
/** A gateway before the provider, or the provider while it starts. */
const AWAY = new Set([502, 503, 504])

export function connectProvider(baseUrl: string): ProviderHttp {
  const base = new URL(baseUrl)
  const prefix = base.pathname.replace(/\/+$/, '')
  const pool = new Pool(base.origin, {
    connect: { timeout: TIMEOUT_MS },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
  })
  const send: ProviderHttp['send'] = async (request) => {
    const answer = await pool
      .request({ ...request, path: `${prefix}${request.path}` })
      .then(async ({ statusCode, headers, body }) => ({ status: statusCode, headers, text: await body.text() }))
      .catch((error: unknown) => {
        throw unavailable('The identity provider is not reachable right now', error)
      })
    if (AWAY.has(answer.status)) throw unavailable('The identity provider is not ready right now', refusedWith(answer))
    return answer
  }
  return {
    send,
    post: (path, form) =>
      send({
        method: 'POST',
        path,
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
        body: new URLSearchParams(form).toString(),
      }),
    close: () => pool.destroy(),
  }
}

/** @throws AppError `upstream_failed` unless it is a 200 of this shape */
export function parsed<T extends z.ZodType>(schema: T, answer: ProviderAnswer): z.output<T> {
  if (answer.status !== 200) throw refused(answer)
  const result = schema.safeParse(tryParseJson(answer.text))
  if (!result.success) throw refused(answer)
  return result.data
}

/** @throws AppError `upstream_failed` unless the answer has one of these statuses */
export function requireStatus(answer: ProviderAnswer, ...statuses: number[]): ProviderAnswer {
  if (!statuses.includes(answer.status)) throw refused(answer)
  return answer
}

export const refused = (answer: ProviderAnswer) =>
  new AppError('upstream_failed', 'The identity provider refused the request', { cause: refusedWith(answer) })

/** For our log. Only the error's name: the rest of the answer may hold credentials. */
export const refusedWith = (answer: ProviderAnswer) =>
  new Error(`the identity provider answered ${answer.status} ${errorNameIn(answer.text) ?? ''}`.trim())

export function errorNameIn(text: string): string | undefined {
  const { error } = (tryParseJson(text) ?? {}) as { error?: unknown }
  return typeof error === 'string' ? error : undefined
}

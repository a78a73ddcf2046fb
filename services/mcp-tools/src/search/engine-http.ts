import { tryParseJson } from '@jan/service-kit/json-body'
import type { z } from 'zod'

export type EngineRequest = {
  url: URL
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body?: string
  timeoutMs: number
  signal: AbortSignal
}

const USER_AGENT = 'Jan-MCP-Tools/1.0'

/**
 * Asks an engine that the operator configured, so no guard is needed; a redirect is refused, since the key would
 * travel with it.
 * @throws Error naming the status, the time-out or what is wrong with the answer
 */
export async function askEngine<S extends z.ZodType>(request: EngineRequest, shape: S): Promise<z.output<S>> {
  const { url, method, headers, body, timeoutMs, signal } = request
  const response = await fetch(url, {
    method,
    headers: { accept: 'application/json', 'user-agent': USER_AGENT, ...headers },
    redirect: 'error',
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    ...(body === undefined ? {} : { body }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${url.host} answered ${response.status}: ${text.slice(0, 200)}`)
  const parsed = shape.safeParse(tryParseJson(text))
  if (!parsed.success) throw new Error(`${url.host} gave an answer of another shape`, { cause: parsed.error })
  return parsed.data
}

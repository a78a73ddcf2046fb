import type { Caller } from '@jan/service-kit/auth'
import { invalid } from '@jan/service-kit/errors'
import { isJsonObject, tryParseJson, writeJson } from '@jan/service-kit/json-body'
import type { CallToolResult } from '@modelcontextprotocol/server'
import type { Place } from './argument-schemas.ts'
import type { Reply, ToolError, Visits } from './in-process.ts'
import type { RouteTool } from './route-tool.ts'

/** Who calls, and all of their request that the route may see. */
export type Asking = {
  caller: Caller
  requestId: string
  address: string
  signal: AbortSignal
  headers: Readonly<Record<string, string | undefined>>
  /** By which a repeated call is known to be the same: the route's `Idempotency-Key`. */
  idempotencyKey?: string
}

type Arguments = Readonly<Record<string, unknown>>

/** By what callers say who they are. */
const CREDENTIALS = ['authorization', 'x-api-key']

/** Where a failed result says what kind of failure it is: `{code, status, param?}`. */
export const ERROR_META = 'jan/error'

/** Calls a route as the tool it is. What the route refuses is a result with `isError`, in its words. */
export async function callRoute(
  visits: Visits,
  { route, places }: RouteTool,
  asking: Asking,
  args: Arguments,
): Promise<CallToolResult> {
  const unknown = Object.keys(args).find((name) => !places.has(name))
  if (unknown !== undefined) {
    const { message, code, status } = invalid(`There is no argument '${unknown}'`)
    return failure({ message, code, param: unknown }, status)
  }
  const given = (place: Place) =>
    Object.entries(args).filter(([name, value]) => places.get(name) === place && value !== undefined)
  const params = Object.fromEntries(given('path').map(([name, value]) => [name, String(value)]))
  const body = route.body === undefined ? undefined : bodyOf(given('body'))
  const reply = await visits({
    route,
    params,
    body,
    caller: asking.caller,
    target: pathOf(route.path, params) + queryOf(given('query')),
    headers: {
      ...Object.fromEntries(
        CREDENTIALS.flatMap((name) => (asking.headers[name] ? [[name, asking.headers[name]]] : [])),
      ),
      'x-request-id': asking.requestId,
      ...(asking.idempotencyKey === undefined ? {} : { 'idempotency-key': asking.idempotencyKey }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    address: asking.address,
    signal: asking.signal,
  })
  return reply.status >= 200 && reply.status < 300 ? success(reply) : failure(errorIn(reply), reply.status)
}

const pathOf = (path: string, params: Record<string, string>) =>
  path.replace(/\{(\w+)\+?\}/g, (_all, name: string) => encodeURIComponent(params[name] ?? ''))

/** Null is how models leave out what is optional: a query knows no null. */
function queryOf(given: [string, unknown][]): string {
  const pairs = given.flatMap(([name, value]) =>
    [value]
      .flat()
      .flatMap((each) => (each === null || each === undefined ? [] : [[name, wordOf(each)] as [string, string]])),
  )
  return pairs.length > 0 ? `?${new URLSearchParams(pairs)}` : ''
}

const wordOf = (value: unknown) => (typeof value === 'object' ? writeJson(value) : String(value))

const bodyOf = (given: [string, unknown][]) => writeJson(Object.fromEntries(given))

function success({ text }: Reply): CallToolResult {
  const value = tryParseJson(text)
  return {
    content: [{ type: 'text', text: text === '' ? 'Done' : text }],
    ...(isJsonObject(value) ? { structuredContent: value } : {}),
  }
}

const errorIn = ({ status, text }: Reply): ToolError => {
  const sent = tryParseJson(text) as Partial<ToolError> | null | undefined
  return typeof sent?.message === 'string' && typeof sent.code === 'string'
    ? (sent as ToolError)
    : { message: `This was answered with status ${status}`, code: 'unexpected_answer' }
}

const failure = ({ message, code, param }: ToolError, status: number): CallToolResult => ({
  content: [{ type: 'text', text: `${message} (${code})` }],
  isError: true,
  _meta: { [ERROR_META]: { code, status, ...(param === undefined ? {} : { param }) } },
})

import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import { type Duplex, duplexPair } from 'node:stream'
import { text as textOf } from 'node:stream/consumers'
import { createAccessLog } from '@jan/service-kit/access-log'
import type { Caller } from '@jan/service-kit/auth'
import type { ErrorPresenter } from '@jan/service-kit/errors'
import type { HttpAppOptions } from '@jan/service-kit/http-app'
import type { Route } from '@jan/service-kit/route'
import { serveRoute } from '@jan/service-kit/serve-route'

/** A request to a route of this process. */
export type Visit = {
  route: Route
  /** Who was let in already: an internal token, for one, is good for one request only. */
  caller: Caller
  params: Record<string, string>
  /** Path and query, as they stand in the log and in handlers that look. */
  target: string
  headers: Record<string, string>
  body: string | undefined
  /** Of the client. */
  address: string
  signal: AbortSignal
}

export type Reply = { status: number; text: string }
export type Visits = (visit: Visit) => Promise<Reply>

/** What went wrong, for a tool's result. */
export type ToolError = { message: string; code: string; param?: string }
const presentToolError: ErrorPresenter = ({ message, code, extra }): ToolError => ({
  message,
  code: extra.wireCode ?? code,
  ...(extra.param === undefined ? {} : { param: extra.param }),
})

const MAX_HEADER_BYTES = 64 * 1024

/**
 * Requests to routes of this process, through all that any request goes through: rights, limits, validation, logs,
 * metrics. It is HTTP as Node speaks it, over a pair of streams in memory instead of a socket: nothing listens, so
 * nobody else can come this way, and no port, proxy or shutdown is in between. Whoever aborts `signal` leaves as a
 * client does who hangs up.
 */
export function createVisits(options: HttpAppOptions): Visits {
  const serving = { ...options, accessLog: createAccessLog(options.log, options.metrics) }
  const visitors = new WeakMap<Duplex, Visit>()
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    const { route, caller, params } = visitors.get(request.socket)!
    const here = { ...route, presentError: presentToolError }
    void serveRoute({ ...serving, authenticate: () => caller }, here, Object.assign(request, { params }), response)
  })
  return async (visit) => {
    const [near, far] = duplexPair()
    visitors.set(far, visit)
    // A pair of streams has no address; what asks for the client's looks at the socket.
    Object.defineProperty(far, 'remoteAddress', { value: visit.address })
    near.once('close', () => far.destroy())
    server.emit('connection', far)
    const answer = await send(near, visit)
    return { status: answer.statusCode!, text: await textOf(answer) }
  }
}

const send = (connection: Duplex, { route, target, headers, body, signal }: Visit): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const { method } = route
    httpRequest({ method, path: target, headers, signal, host: 'in-process', createConnection: () => connection })
      .on('response', resolve)
      .on('error', reject)
      .end(body)
  })

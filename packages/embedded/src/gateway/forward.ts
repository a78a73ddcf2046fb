import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { pipeline, Readable } from 'node:stream'
import { createProxyServer } from 'http-proxy-3'
import type { Exchange } from './exchange.ts'
import { type Headers, passing } from './headers.ts'
import type { KongService } from './kong-file.ts'
import type { Problem } from './limits.ts'

export type Upgrade = { socket: Socket; head: Buffer }
type Outgoing = { service: KongService; host: string; port: number; agent: Agent; path: string; headers: Headers }
type Content = { body?: Buffer | undefined; upgrade?: Upgrade | undefined }

const UPSTREAM_BAD: Problem = { status: 502, message: 'An invalid response was received from the upstream server' }
const UPSTREAM_LATE: Problem = { status: 504, message: 'The upstream server is timing out' }
const UPGRADED: Headers = { connection: 'Upgrade', upgrade: 'websocket' }

/**
 * Carries an exchange to its service and back: once, and without buffering.
 * http-proxy-3 dials, pumps the request, joins upgraded sockets, and lets the service go when the client leaves.
 */
export function forward(exchange: Exchange, to: Outgoing, { body, upgrade }: Content): void {
  const { req, res } = exchange
  req.url = to.path
  req.headers = to.headers as IncomingHttpHeaders
  if (body) req.headers['content-length'] = String(body.length)
  if (upgrade) Object.assign(req.headers, UPGRADED)

  // A proxy object is a cheap emitter; one per exchange lets its events close over the exchange.
  const proxy = createProxyServer({
    agent: to.agent,
    target: { protocol: 'http:', host: to.host, port: to.port },
    toProxy: true, // the path as it is
    selfHandleResponse: true,
    connectTimeout: to.service.connect_timeout,
    ...(body && { buffer: Readable.from(body) }),
  })
  let answered = false
  const takeHead = (answer: IncomingMessage) => {
    answered = true
    return exchange.dress(passing(answer))
  }
  const prepare = (outgoing: ClientRequest) => {
    outgoing.path = to.path // http-proxy-3 drops a bare question mark
    const onSilence = () => outgoing.destroy(Object.assign(new Error('silence'), { code: 'ETIMEDOUT' }))
    outgoing.setTimeout(to.service.write_timeout, onSilence)
    outgoing.once('finish', () => outgoing.setTimeout(to.service.read_timeout))
    outgoing.once('close', () => req.resume()) // the rest of an upload that was answered early
    res.once('close', () => outgoing.destroy())
    if (req.headers['content-length']) outgoing.flushHeaders() // a service may refuse by the head alone
  }

  proxy.on('proxyReq', prepare)
  proxy.on('proxyRes', (answer) => {
    res.writeHead(answer.statusCode ?? 502, answer.statusMessage, takeHead(answer)).flushHeaders()
    // When one side dies, pipeline destroys the other: no tidy end for a body that is not whole.
    pipeline(answer, res, () => {})
  })
  proxy.on('proxyReqWs', (outgoing) => {
    prepare(outgoing)
    const rewriteHead = (connection: Headers) => (answer: IncomingMessage) =>
      Object.assign(answer, { headers: { ...takeHead(answer), ...connection } })
    outgoing.once('upgrade', rewriteHead(UPGRADED))
    outgoing.once('response', rewriteHead({ connection: 'close' }))
  })
  proxy.on('open', (joined) => {
    joined.setTimeout(to.service.read_timeout, () => joined.destroy())
    upgrade?.socket.once('close', () => joined.destroy())
  })
  proxy.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
    if (answered) return // the answer's own stream tells the client
    exchange.refuse(['ETIMEDOUT', 'ECONNECT_TIMEOUT'].includes(code) ? UPSTREAM_LATE : UPSTREAM_BAD)
  })

  if (upgrade) proxy.ws(req, upgrade.socket, upgrade.head)
  else proxy.web(req, res, {})
}

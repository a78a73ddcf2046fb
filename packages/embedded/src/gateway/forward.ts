import type { Agent, ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { pipeline, Readable } from 'node:stream'
import { createProxyServer } from 'http-proxy-3'
import { type Exchange, type Headers, passing } from './exchange.ts'
import type { KongService } from './kong-file.ts'

export type Upgrade = { socket: Socket; head: Buffer }
type Destination = { agent: Agent; host: string; port: number; service: KongService }

const UPSTREAM_BAD = { status: 502, message: 'An invalid response was received from the upstream server' }
const UPSTREAM_LATE = { status: 504, message: 'The upstream server is timing out' }

/** Of a WebSocket. Any other upgrade, and one that carries a body, is an ordinary request. */
export const isHandshake = ({ method, headers: { upgrade = '', ...headers } }: IncomingMessage) =>
  method === 'GET' && /^websocket$/i.test(upgrade) && !headers['content-length'] && !headers['transfer-encoding']

/**
 * Carries a request, already rewritten, to its service and the answer back: once, and without buffering.
 * http-proxy-3 dials, pumps the request, joins upgraded sockets, and lets the service go when the client leaves.
 */
export function forward(exchange: Exchange, to: Destination, body?: Buffer, upgrade?: Upgrade): void {
  const { req, res, dress, refuse } = exchange
  const { connect_timeout: connectTimeout, read_timeout, write_timeout } = to.service
  const target = { protocol: 'http:', host: to.host, port: to.port }
  const options = { agent: to.agent, target, connectTimeout, toProxy: true, selfHandleResponse: true }
  // A proxy object is a cheap emitter; one per exchange lets its events close over the exchange.
  const proxy = createProxyServer(body ? { ...options, buffer: Readable.from(body) } : options)
  let answered = false

  const prepare = (outgoing: ClientRequest) => {
    outgoing.path = req.url ?? '' // http-proxy-3 drops a bare question mark
    outgoing.setTimeout(write_timeout, () => outgoing.destroy(Object.assign(new Error(), { code: 'ETIMEDOUT' })))
    outgoing.once('finish', () => outgoing.setTimeout(read_timeout))
    outgoing.once('close', () => req.resume()) // the rest of an upload that was answered early
    res.once('close', () => outgoing.destroy())
    if (req.headers['content-length']) outgoing.flushHeaders() // a service may refuse by the head alone
  }
  const takeHead = (answer: IncomingMessage): Headers => {
    answered = true
    return dress(passing(answer))
  }
  proxy.on('proxyReq', prepare)
  proxy.on('proxyRes', (answer) => {
    // What the client sent behind its request was none, and is answered already.
    if (res.headersSent) return void answer.destroy()
    res.writeHead(answer.statusCode ?? 502, answer.statusMessage, takeHead(answer)).flushHeaders()
    pipeline(answer, res, () => {}) // when either side dies it destroys the other: no tidy end for half a body
  })
  proxy.on('proxyReqWs', (outgoing) => {
    prepare(outgoing)
    const rewrite = (connection: Headers) => (answer: IncomingMessage) =>
      Object.assign(answer, { headers: { ...takeHead(answer), ...connection } })
    outgoing.once('upgrade', rewrite({ connection: 'Upgrade', upgrade: 'websocket' }))
    outgoing.once('response', rewrite({ connection: 'close' }))
  })
  proxy.on('open', (joined) => {
    joined.setTimeout(read_timeout, () => joined.destroy())
    res.once('close', () => joined.destroy())
  })
  proxy.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
    if (answered) return // the answer's own stream tells the client
    refuse(['ETIMEDOUT', 'ECONNECT_TIMEOUT'].includes(code) ? UPSTREAM_LATE : UPSTREAM_BAD)
  })
  if (upgrade) proxy.ws(req, upgrade.socket, upgrade.head)
  else proxy.web(req, res, {})
}

import { once } from 'node:events'
import { Agent, createServer, IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type Exchange, isPreflight, openExchange, preflightHeaders, serviceHeaders } from './exchange.ts'
import { forward, isHandshake, type Upgrade } from './forward.ts'
import type { KongConfig } from './kong-file.ts'
import { BAD_REQUEST, createRateLimit, HEAD_TOO_LARGE, headProblem, limitBody } from './limits.ts'
import { compileRoutes, matchRoute, normalisePath, splitTarget } from './routing.ts'

export type GatewayOptions = {
  config: KongConfig
  /** Where the file's fixed host names are on this machine. A name that is missing here is answered 503. */
  ports: Record<string, number>
  /** The address of those ports. */
  host?: string
  /** Instead of the file's limit per minute and address; the hourly one rises with it. */
  rateLimitPerMinute?: number | undefined
  /** Milliseconds since the epoch. */
  clock?: () => number
  /** Whether NODE_ENV says production: there is no stand-in there. */
  production: boolean
}
export type Gateway = ReturnType<typeof createGateway>

const LOOPBACK = /^(127\.0\.0\.1|::1|localhost)$/
const SERVER_OPTIONS = {
  maxHeaderSize: 40 * 1024, // a request line of 8 KiB and 32 KiB of headers
  requireHostHeader: false, // our own refusal has a body
  requestTimeout: 900_000,
  keepAliveTimeout: 65_000,
  shouldUpgradeCallback: isHandshake,
}

/** The laptop's stand-in for Kong: serves the same declarative file, on loopback only. */
export function createGateway(options: GatewayOptions) {
  if (options.production) throw new Error('The embedded gateway refuses NODE_ENV=production: run Kong instead')
  const { plugins } = options.config
  const agent = new Agent({ keepAlive: true })
  const handle = createHandler(options, agent)
  const underWay = new Map<Socket, Exchange>()
  const sockets = new Set<Socket>()
  /** Also those that never asked anything, which Node does not count as idle. */
  const closeQuiet = () => sockets.forEach((socket) => void (underWay.has(socket) || socket.destroy()))

  function begin(req: IncomingMessage, res: ServerResponse): Exchange {
    const exchange = openExchange(plugins, req, res)
    underWay.set(req.socket, exchange)
    res.once('close', () => {
      if (underWay.get(req.socket) === exchange) underWay.delete(req.socket)
      if (!server.listening) closeQuiet()
    })
    return exchange
  }

  /** For a socket that Node hands over without a response; one that still owes an earlier answer is cut. */
  function beginOn(socket: Socket, req = new IncomingMessage(socket)): Exchange | undefined {
    socket.on('error', () => socket.destroy())
    const res = new ServerResponse(req)
    res.shouldKeepAlive = false
    try {
      res.assignSocket(socket)
    } catch {
      return void socket.destroy()
    }
    res.once('finish', () => socket.destroySoon())
    return begin(req, res)
  }

  const server = createServer(SERVER_OPTIONS, (req, res) => {
    const before = underWay.get(req.socket)
    // Sent along behind a request that ends its connection: nobody is asked anything more.
    if (before && !before.res.shouldKeepAlive) return
    handle(begin(req, res))
  })
  server.on('connection', (socket: Socket) => sockets.add(socket.once('close', () => sockets.delete(socket))))
  server.on('upgrade', (req, socket: Socket, head) => {
    const exchange = beginOn(socket, req)
    if (exchange) handle(exchange, { socket, head })
  })
  server.on('connect', (req, socket: Socket) => beginOn(socket, req)?.refuse(BAD_REQUEST))
  server.on('clientError', ({ code }: NodeJS.ErrnoException, socket: Socket) => {
    if (code === 'ERR_HTTP_REQUEST_TIMEOUT' || !socket.writable) return socket.destroy() // slow, or gone
    const exchange = underWay.get(socket) ?? beginOn(socket)
    exchange?.res.once('finish', () => socket.destroySoon())
    exchange?.refuse(code === 'HPE_HEADER_OVERFLOW' ? HEAD_TOO_LARGE : BAD_REQUEST)
  })

  return {
    /** Resolves with the port. Throws for an address that others could reach. */
    async listen(port: number, host = '127.0.0.1'): Promise<number> {
      if (!LOOPBACK.test(host)) throw new Error(`The embedded gateway refuses ${host}: it listens on loopback only`)
      server.listen(port, host)
      await once(server, 'listening')
      return (server.address() as AddressInfo).port
    },
    /** Takes no more requests, lets those under way finish for `graceMs`, then cuts the rest. */
    async close(graceMs = 10_000): Promise<void> {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      closeQuiet()
      const cut = setTimeout(() => {
        server.closeAllConnections()
        for (const socket of underWay.keys()) socket.destroy() // upgraded ones no longer belong to the server
      }, graceMs)
      await closed
      clearTimeout(cut)
      agent.destroy()
    },
  }
}

/** What happens to a request, in Kong's order: route → CORS → size → rate → headers and service. */
function createHandler(options: GatewayOptions, agent: Agent) {
  const { config, ports, host = '127.0.0.1', rateLimitPerMinute, clock = Date.now } = options
  const { cors, 'request-size-limiting': size, 'rate-limiting': rate, ...plugins } = config.plugins
  const routes = compileRoutes(config.services)
  const countRequest = rate && createRateLimit(rate, clock, rateLimitPerMinute)

  async function handle(exchange: Exchange, upgrade?: Upgrade): Promise<void> {
    const { req, answerHeaders, send, refuse } = exchange
    const broken = headProblem(req)
    if (broken) return refuse(broken)
    const target = splitTarget(req.url)
    const path = normalisePath(target.path)
    if (path === undefined) return refuse(BAD_REQUEST)
    const match = matchRoute(routes, path)
    if (!match) return refuse({ status: 404, message: 'no Route matched with those values' })
    if (cors && isPreflight(req)) {
      Object.assign(answerHeaders, preflightHeaders(cors))
      return send(200, {})
    }
    const { problem, body } = await limitBody(req, size)
    if (problem) return refuse(problem)
    const counted = countRequest?.(req.socket.remoteAddress ?? '')
    Object.assign(answerHeaders, counted?.headers)
    if (counted?.problem) return refuse(counted.problem)

    const port = ports[match.service.host]
    if (port === undefined) return refuse({ status: 503, message: 'name resolution failed' })
    req.headers = serviceHeaders(req, match, plugins['request-transformer']?.remove.headers)
    if (body) req.headers['content-length'] = String(body.length)
    if (upgrade) Object.assign(req.headers, { connection: 'Upgrade', upgrade: 'websocket' })
    req.url = match.path + target.query
    forward(exchange, { agent, host, port, service: match.service }, body, upgrade)
  }

  return (exchange: Exchange, upgrade?: Upgrade) =>
    handle(exchange, upgrade).catch((error: Error) => {
      if (exchange.req.destroyed) return // the client left in the middle of its body
      process.emitWarning(error)
      exchange.refuse({ status: 500, message: 'An unexpected error occurred' })
    })
}

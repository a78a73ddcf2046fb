import { once } from 'node:events'
import { Agent, createServer, IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type Exchange, openExchange } from './exchange.ts'
import { forward, type Upgrade } from './forward.ts'
import { isPreflight, preflightHeaders, serviceHeaders } from './headers.ts'
import type { KongConfig } from './kong-file.ts'
import { BAD_REQUEST, createRateLimit, HEAD_TOO_LARGE, headProblem, limitBody } from './limits.ts'
import { compileRoutes, matchRoute, normalisePath, splitTarget } from './routing.ts'

export type GatewayOptions = {
  config: KongConfig
  /** Where the file's fixed host names are on this machine. A name that is missing here is answered 503. */
  ports: Record<string, number>
  /** The address of those ports. */
  host?: string
  /** Replaces the file's limit per minute and address; the hourly one rises with it. */
  rateLimitPerMinute?: number | undefined
  /** Milliseconds since the epoch. */
  clock?: () => number
  /** Whether NODE_ENV says production: there is no stand-in there. */
  production: boolean
}

export type Gateway = {
  /** Resolves with the port. Throws for an address that others could reach. */
  listen(port: number, host?: string): Promise<number>
  /** Takes no more requests, lets those under way finish for `graceMs`, then cuts the rest. */
  close(graceMs?: number): Promise<void>
}

const SERVER_OPTIONS = {
  maxHeaderSize: 40 * 1024, // a request line of 8 KiB and 32 KiB of headers
  requireHostHeader: false, // our own refusal has a body
  requestTimeout: 900_000,
  keepAliveTimeout: 65_000,
  shouldUpgradeCallback: (req: IncomingMessage) => req.headers.upgrade?.toLowerCase() === 'websocket',
}

/** The laptop's stand-in for Kong: serves the same declarative file, on loopback only. */
export function createGateway(options: GatewayOptions): Gateway {
  if (options.production)
    throw new Error('The embedded gateway refuses NODE_ENV=production: run Kong with kong/kong.yml')
  const { plugins } = options.config
  const agent = new Agent({ keepAlive: true })
  const handle = createHandler(options, agent)
  const underWay = new Map<Socket, Exchange>()

  function begin(req: IncomingMessage, res: ServerResponse): Exchange {
    const exchange = openExchange(plugins, req, res)
    const { socket } = req
    underWay.set(socket, exchange)
    res.once('close', () => {
      if (underWay.get(socket) === exchange) underWay.delete(socket)
      if (!server.listening) server.closeIdleConnections()
    })
    return exchange
  }

  /** For a socket that Node hands over without a response. */
  function beginOn(socket: Socket, req = new IncomingMessage(socket)): Exchange {
    const res = new ServerResponse(req)
    res.shouldKeepAlive = false
    res.assignSocket(socket)
    res.once('finish', () => socket.destroySoon())
    socket.on('error', () => socket.destroy())
    return begin(req, res)
  }

  const server = createServer(SERVER_OPTIONS, (req, res) => handle(begin(req, res)))
  server.on('upgrade', (req, socket: Socket, head) => handle(beginOn(socket, req), { socket, head }))
  server.on('connect', (req, socket: Socket) => beginOn(socket, req).refuse(BAD_REQUEST))
  server.on('clientError', ({ code }: NodeJS.ErrnoException, socket: Socket) => {
    if (code === 'ERR_HTTP_REQUEST_TIMEOUT' || !socket.writable) return socket.destroy() // slow, or gone
    const exchange = underWay.get(socket) ?? beginOn(socket)
    exchange.res.once('finish', () => socket.destroySoon())
    exchange.refuse(code === 'HPE_HEADER_OVERFLOW' ? HEAD_TOO_LARGE : BAD_REQUEST)
  })

  return {
    async listen(port, host = '127.0.0.1') {
      if (!['127.0.0.1', '::1', 'localhost'].includes(host))
        throw new Error(`The embedded gateway refuses ${host}: loopback only`)
      server.listen(port, host)
      await once(server, 'listening')
      return (server.address() as AddressInfo).port
    },
    async close(graceMs = 10_000) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
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

/** What happens to a request, in Kong's order: id → route → CORS → size → rate → headers and service. */
function createHandler({ config, ports, host = '127.0.0.1', ...options }: GatewayOptions, agent: Agent) {
  const {
    cors,
    'request-size-limiting': size,
    'rate-limiting': rate,
    'request-transformer': transformer,
  } = config.plugins
  const { rateLimitPerMinute: raised, clock = Date.now } = options
  const routes = compileRoutes(config.services)
  const count =
    rate && createRateLimit(raised ? { ...rate, minute: raised, hour: Math.max(rate.hour, raised * 60) } : rate, clock)

  async function handle(exchange: Exchange, upgrade?: Upgrade): Promise<void> {
    const { req, refuse } = exchange
    const broken = headProblem(req)
    if (broken) return refuse(broken)
    const target = splitTarget(req.url)
    const path = normalisePath(target.path)
    if (path === undefined) return refuse(BAD_REQUEST)
    const match = matchRoute(routes, path)
    if (!match) return refuse({ status: 404, message: 'no Route matched with those values' })

    if (cors && isPreflight(req)) {
      Object.assign(exchange.answerHeaders, preflightHeaders(cors))
      return exchange.send(200, {})
    }
    const { problem, body } = size ? await limitBody(req, size) : {}
    if (problem) return refuse(problem)
    const counted = count?.(req.socket.remoteAddress ?? '')
    Object.assign(exchange.answerHeaders, counted?.headers)
    if (counted?.problem) return refuse(counted.problem)

    const port = ports[match.service.host]
    if (port === undefined) return refuse({ status: 503, message: 'name resolution failed' })
    const headers = { ...serviceHeaders(req, match, transformer?.remove.headers), ...exchange.requestHeaders }
    forward(
      exchange,
      { service: match.service, host, port, agent, path: match.path + target.query, headers },
      { body, upgrade },
    )
  }

  return (exchange: Exchange, upgrade?: Upgrade) =>
    handle(exchange, upgrade).catch((error: Error) => {
      if (exchange.req.destroyed) return // the client left in the middle of its body
      process.emitWarning(error)
      exchange.refuse({ status: 500, message: 'An unexpected error occurred' })
    })
}

import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HttpApp } from './http-app.ts'
import type { Logger } from './logger.ts'

/** What was opened, closed in reverse. */
export class Closers {
  readonly #opened: { name: string; close: () => unknown }[] = []

  add<T>(name: string, resource: T, close: (resource: T) => unknown): T {
    this.#opened.push({ name, close: () => close(resource) })
    return resource
  }

  async close(log: Logger): Promise<void> {
    for (const { name, close } of this.#opened.splice(0).reverse())
      await Promise.resolve()
        .then(close)
        .catch((error: unknown) => log.error({ err: error, name }, 'could not close'))
  }
}

/** Connections that never asked anything: Node's own list of idle ones leaves them out. */
const silent = new WeakMap<Server, Set<Socket>>()

/** A server that outlives the idle connections of the gateway (60 s) and gives slow clients a bounded time. */
export function createServerFor(app: HttpApp): Server {
  const options = {
    requestTimeout: 300_000,
    headersTimeout: 15_000,
    keepAliveTimeout: 75_000,
    maxHeaderSize: 32 * 1024,
  }
  const server = createServer(options, app.handler)
  server.keepAliveTimeoutBuffer = 2_000
  const sockets = new Set<Socket>()
  silent.set(server, sockets)
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('request', ({ socket }) => sockets.delete(socket))
  return server
}

/** Listens and says where. Port 0 takes a free one. @throws when the port is taken */
export async function listen(server: Server, { host, port }: { host: string; port: number }): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return (server.address() as AddressInfo).port
}

export type RunOptions = {
  http: { host: string; port: number; shutdownDelayMs: number; shutdownGraceMs: number }
  log: Logger
  closers: Closers
}

/** Serves until SIGTERM or SIGINT: readiness turns 503, requests in flight finish or are cut after the grace, then everything opened is closed. */
export async function run(app: HttpApp, { http, log, closers }: RunOptions): Promise<void> {
  const server = createServerFor(app)
  const port = await listen(server, http)
  log.info({ host: http.host, port }, `listening on http://${http.host}:${port}`)
  const signal = await new Promise<string>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, resolve)
  })
  log.info({ signal }, 'stopping')
  app.drain()
  await sleep(http.shutdownDelayMs)
  await drain(server, http.shutdownGraceMs)
  await closers.close(log)
  log.info('stopped')
  await new Promise<void>((resolve) => log.flush(() => resolve()))
}

/** Takes no new connections, waits for requests in flight, cuts what is left after `graceMs`. */
export async function drain(server: Server, graceMs: number): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), graceMs)
  const sweep = setInterval(() => {
    for (const socket of silent.get(server) ?? []) socket.destroy()
    server.closeIdleConnections()
  }, 50)
  await new Promise<void>((resolve) => server.close(() => resolve()))
  clearTimeout(cut)
  clearInterval(sweep)
}

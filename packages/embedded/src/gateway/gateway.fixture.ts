import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { createGateway, type Gateway, type GatewayOptions } from './gateway.ts'
import { type KongConfig, loadKongFile } from './kong-file.ts'

export type Recorded = { host: string; method: string; url: string; headers: NodeJS.Dict<string[]>; body: string }
export type Answer = (req: IncomingMessage, res: ServerResponse) => void

export type Platform = {
  port: number
  gateway: Gateway
  /** What arrived at any service, in order; `host` is the Host header. */
  recorded: Recorded[]
  /** Connections that the service sees now. */
  connections: Set<Socket>
  /** Replaces the service's answer. */
  answer(next: Answer): void
  /** From now on upgrades are answered 401 like any request. */
  refuseUpgrades(): void
  stopService(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const HOSTS = ['llm-api', 'response-api', 'media-api', 'mcp-tools']

/** The shipped file with other timeouts or plugins. */
export function kongConfig(change: (config: KongConfig) => void = () => {}): KongConfig {
  const config = structuredClone(loadKongFile())
  change(config)
  return config
}

export const withTimeouts = (timeouts: { connect_timeout?: number; read_timeout?: number }): KongConfig =>
  kongConfig(({ services }) => {
    for (const service of services) Object.assign(service, timeouts)
  })

/** A gateway in front of one real HTTP server that stands for every service and records what arrives. */
export async function startPlatform(options: Partial<GatewayOptions> = {}): Promise<Platform> {
  const recorded: Recorded[] = []
  const connections = new Set<Socket>()
  let current: Answer | undefined
  const service = createServer({ maxHeaderSize: 64 * 1024 }, async (req, res) => {
    const { method = '', url = '', headersDistinct } = req
    const entry = { host: req.headers.host ?? '', method, url, headers: headersDistinct, body: '' }
    recorded.push(entry)
    if (current) return current(req, res)
    entry.body = await text(req).catch(() => 'cut')
    res.setHeader('content-type', 'text/plain').end('ok')
  })
  service.on('connection', (socket) => {
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
    socket.on('error', () => {})
  })
  let upgrades = true
  service.on('upgrade', (_req, socket: Socket, head: Buffer) => {
    if (!upgrades) return socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 11\r\n\r\nwho are you')
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Service: yes\r\n\r\n',
    )
    if (head.length > 0) socket.write(head)
    socket.pipe(socket)
  })
  const servicePort = await listen(service)
  const ports = Object.fromEntries(HOSTS.map((host) => [host, servicePort]))
  const gateway = createGateway({ config: kongConfig(), ports, production: false, ...options })
  const port = await gateway.listen(0)
  const stopService = async () => {
    service.closeAllConnections()
    for (const socket of connections) socket.destroy()
    if (service.listening) await new Promise((resolve) => service.close(resolve))
  }
  return {
    port,
    gateway,
    recorded,
    connections,
    answer: (next) => {
      current = next
    },
    refuseUpgrades: () => {
      upgrades = false
    },
    stopService,
    async [Symbol.asyncDispose]() {
      await gateway.close(0)
      await stopService()
    },
  }
}

export async function listen(server: ReturnType<typeof createServer>): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

export type Received = { status: number; headers: IncomingHttpHeaders; lines: NodeJS.Dict<string[]>; body: string }
export type Sent = {
  method?: string
  path?: string
  headers?: Record<string, string | string[]>
  body?: string | Buffer
}

/** One plain request, path and headers as given. */
export async function send(
  port: number,
  { method = 'GET', path = '/v1/x', headers = {}, body }: Sent = {},
): Promise<Received> {
  const outgoing = request({ host: '127.0.0.1', port, method, path, headers, agent: false })
  outgoing.end(body)
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
  const { statusCode: status = 0, headersDistinct: lines } = answer
  return { status, headers: answer.headers, lines, body: await text(answer) }
}

/** Writes bytes as they are and resolves with everything that came back once `enough` of it did, or the connection closed. */
export async function sendRaw(
  port: number,
  bytes: string,
  enough: (received: string) => boolean = () => false,
): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(bytes)
  let received = ''
  for await (const chunk of socket) {
    received += chunk
    if (enough(received)) break
  }
  socket.destroy()
  return received
}

/** Waits for a condition, looking again on every turn; fails after `ms`. Resolves with how long it took. */
export async function until(condition: () => boolean, ms = 20_000): Promise<void> {
  for (const deadline = Date.now() + ms; !condition(); ) {
    if (Date.now() > deadline) throw new Error(`not within ${ms} ms: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'

/** A request as a service got it; `service` is the one it was meant for, `host` the Host header. */
export type Recorded = {
  service: string
  host: string
  method: string
  url: string
  headers: NodeJS.Dict<string[]>
  body: string
}
export type Answer = (req: IncomingMessage, res: ServerResponse) => void
export type Call = { req: IncomingMessage; res: ServerResponse }
export type Recorder = Awaited<ReturnType<typeof startRecorder>>

const HOSTS = ['llm-api', 'response-api', 'media-api', 'mcp-tools'] as const

/** A real HTTP server for every service, which notes what arrives and answers `ok` until told otherwise. */
export async function startRecorder(address = '127.0.0.1') {
  /** In the order of arrival, at whichever service. */
  const recorded: Recorded[] = []
  /** Connections that the services see now. */
  const connections = new Set<Socket>()
  let current: Answer | undefined
  let upgrades = true

  function startService(service: string): Server {
    const server = createServer({ maxHeaderSize: 64 * 1024 }, async (req, res) => {
      const { method = '', url = '', headersDistinct } = req
      const entry = { service, host: req.headers.host ?? '', method, url, headers: headersDistinct, body: '' }
      recorded.push(entry)
      if (current) return current(req, res)
      entry.body = await text(req).catch(() => 'cut')
      res.setHeader('content-type', 'text/plain').end('ok')
    })
    server.on('connection', (socket) => {
      connections.add(socket)
      socket.once('close', () => connections.delete(socket))
      socket.on('error', () => {})
    })
    server.on('upgrade', (_req, socket: Socket, head: Buffer) => {
      if (!upgrades) return socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 11\r\n\r\nwho are you')
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Service: yes\r\n\r\n',
      )
      if (head.length > 0) socket.write(head)
      socket.pipe(socket)
    })
    return server
  }

  const servers = HOSTS.map((name) => [name, startService(name)] as const)
  const listening = servers.map(async ([name, server]) => [name, await listen(server, address)] as const)
  return {
    recorded,
    connections,
    /** Port by name of the service. */
    ports: Object.fromEntries(await Promise.all(listening)) as Record<string, number>,
    /** Replaces the services' answer. */
    answer(next: Answer): void {
      current = next
    },
    /** The next request that a service gets, its answer still open. */
    nextCall: () =>
      new Promise<Call>((resolve) => {
        current = (req, res) => resolve({ req, res })
      }),
    /** From now on upgrades are answered 401 like any request. */
    refuseUpgrades(): void {
      upgrades = false
    },
    async stop(): Promise<void> {
      for (const socket of connections) socket.destroy()
      const closing = servers.map(([, server]) => new Promise((resolve) => server.close(resolve)))
      await Promise.all(closing)
    },
  }
}

export async function listen(server: Server, address = '127.0.0.1'): Promise<number> {
  server.listen(0, address)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

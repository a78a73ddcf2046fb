import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type RedisProxy = {
  url: string
  /** Bytes that came from clients, forwarded or not. */
  received(): number
  /** Keeps connections open and forwards nothing, in neither direction, until `flow`. */
  stall(): void
  flow(): void
  /** Ends every connection and takes no new one until `mend`. What was kept back is lost. */
  cut(): Promise<void>
  mend(): Promise<void>
}

/** A network that fails on request, between a client and the Redis on `port`. */
export async function createRedisProxy(port: number): Promise<RedisProxy> {
  const sockets = new Set<Socket>()
  const keptBack: (() => void)[] = []
  let isStalled = false
  let received = 0
  const forward = (from: Socket, to: Socket, onData?: (bytes: number) => void) => {
    sockets.add(from)
    from.on('data', (chunk: Buffer) => {
      onData?.(chunk.length)
      if (isStalled) keptBack.push(() => to.write(chunk))
      else to.write(chunk)
    })
    from.on('error', () => undefined)
    from.on('close', () => {
      sockets.delete(from)
      to.destroy()
    })
  }
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    forward(client, upstream, (bytes) => {
      received += bytes
    })
    forward(upstream, client)
  })
  const listen = async (at: number) => {
    server.listen(at, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  const own = await listen(0)
  return {
    url: `redis://127.0.0.1:${own}`,
    received: () => received,
    stall: () => {
      isStalled = true
    },
    flow: () => {
      isStalled = false
      for (const send of keptBack.splice(0)) send()
    },
    cut: async () => {
      isStalled = false
      keptBack.length = 0
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
    mend: async () => void (await listen(own)),
  }
}

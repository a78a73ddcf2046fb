import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Stands between two parts on loopback, to take the connection away without either of them ending. */
export type TcpProxy = {
  port: number
  /** Bytes that came from clients, handed on or not. */
  received(): number
  /** Takes connections and bytes, and hands nothing on, in neither direction; nothing is closed. */
  stall(): void
  /** Ends every connection, and each new one at once. What was held back is lost. */
  cut(): void
  /** What was held back goes on, and connections are let through. */
  restore(): void
  [Symbol.asyncDispose](): Promise<void>
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  const heldBack: (() => void)[] = []
  let state: 'open' | 'stalled' | 'cut' = 'open'
  let received = 0
  const hand = (act: () => void) => void (state === 'stalled' ? heldBack.push(act) : act())
  const forward = (from: Socket, to: Socket) => {
    sockets.add(from)
    from.on('data', (bytes) => hand(() => to.write(bytes)))
    from.on('error', () => undefined)
    from.once('close', () => {
      sockets.delete(from)
      hand(() => to.destroySoon())
    })
  }
  const server = createServer((near) => {
    // Still listening, on purpose: a port that was given up could be somebody else's when it is wanted again.
    if (state === 'cut') return void near.on('error', () => undefined).destroy()
    const far = connect(targetPort, '127.0.0.1')
    near.on('data', ({ length }) => {
      received += length
    })
    forward(near, far)
    forward(far, near)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endAll = () => {
    for (const socket of sockets) socket.destroy()
    heldBack.length = 0
  }
  return {
    port: (server.address() as AddressInfo).port,
    received: () => received,
    stall: () => {
      state = 'stalled'
    },
    cut: () => {
      state = 'cut'
      endAll()
    },
    restore: () => {
      state = 'open'
      for (const act of heldBack.splice(0)) act()
    },
    [Symbol.asyncDispose]: async () => {
      server.close()
      endAll()
      await once(server, 'close')
    },
  }
}

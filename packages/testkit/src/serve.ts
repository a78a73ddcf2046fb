import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Served = {
  url: string
  port: number
  server: Server
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Any request listener on a free loopback port. */
export async function serve(listener: RequestListener, port = 0): Promise<Served> {
  const server = createServer(listener)
  await new Promise<void>((done, fail) => server.once('error', fail).listen(port, '127.0.0.1', done))
  const taken = (server.address() as AddressInfo).port
  const close = async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
  return { url: `http://127.0.0.1:${taken}`, port: taken, server, close, [Symbol.asyncDispose]: close }
}

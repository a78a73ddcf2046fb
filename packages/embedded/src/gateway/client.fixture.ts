import { once } from 'node:events'
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

/** Where a gateway listens; `host` is loopback unless said otherwise. */
export type Target = { host?: string; port: number }
export type Received = { status: number; headers: IncomingHttpHeaders; lines: NodeJS.Dict<string[]>; body: string }
export type Sent = {
  method?: string
  path?: string
  headers?: Record<string, string | string[]>
  body?: string | Buffer
}

const HOST = '127.0.0.1'

/** One plain request, path and headers as given. */
export async function send(
  { host = HOST, port }: Target,
  { method = 'GET', path = '/v1/x', headers = {}, body }: Sent = {},
): Promise<Received> {
  const outgoing = request({ host, port, method, path, headers: { accept: '*/*', ...headers }, agent: false })
  outgoing.end(body)
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
  const { statusCode: status = 0, headersDistinct: lines } = answer
  return { status, headers: answer.headers, lines, body: await text(answer) }
}

/** Writes bytes as they are and resolves with all that came back once `enough` of it did, or the connection closed. */
export async function sendRaw(
  { host = HOST, port }: Target,
  bytes: string,
  enough: (received: string) => boolean = () => false,
): Promise<string> {
  const socket = connect(port, host)
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

/** Starts a request and leaves it open. */
export function begin(
  { host = HOST, port }: Target,
  method = 'GET',
  headers: Record<string, string | number> = {},
): ClientRequest {
  const outgoing = request({ host, port, method, path: '/v1/x', headers, agent: false })
  outgoing.on('error', () => {})
  outgoing.flushHeaders()
  return outgoing
}

export const answerTo = async (outgoing: ClientRequest) => ((await once(outgoing, 'response')) as [IncomingMessage])[0]

export const UPGRADE =
  'GET /v1/ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'

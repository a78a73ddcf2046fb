import { randomBytes, randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { corsHeaders, type Headers, without } from './headers.ts'
import type { KongPlugins } from './kong-file.ts'
import type { Problem } from './limits.ts'

export type Exchange = ReturnType<typeof openExchange>

/** One request and its answer. What the global plugins do to answers is done here, to a service's and to our own. */
export function openExchange(plugins: Partial<KongPlugins>, req: IncomingMessage, res: ServerResponse) {
  const { cors, 'correlation-id': correlation, 'response-transformer': transformer } = plugins
  /** Set on the answer, whoever makes it: a service's own lines of these names are replaced. */
  const answerHeaders: Headers = cors ? corsHeaders(cors, req) : {}
  if (correlation) {
    const name = correlation.header_name.toLowerCase()
    if (!req.headersDistinct[name]?.[0]) req.headersDistinct[name] = [randomUUID()]
    if (correlation.echo_downstream) answerHeaders[name] = req.headersDistinct[name]?.[0]
  }

  /** A service's headers as the client gets them. */
  function dress(headers: Headers): Headers {
    const dressed: Headers = { ...headers, ...answerHeaders }
    if (cors) dressed.vary = [headers.vary ?? [], 'Origin'].flat().map(String)
    const added = transformer?.add.headers.map((line) => line.split(/:(.*)/)) ?? []
    const defaults = Object.fromEntries(added.map(([name, value]) => [name?.toLowerCase(), value]))
    return { ...defaults, ...without(dressed, transformer?.remove.headers) }
  }

  function send(status: number, headers: Headers, body = ''): void {
    res.writeHead(status, dress({ ...headers, 'content-length': Buffer.byteLength(body) })).end(body)
  }

  /** An error of the gateway itself. When an answer has begun, only cutting the connection tells the client. */
  function refuse({ status, message }: Problem): void {
    if (res.headersSent) return void res.destroy()
    const body = JSON.stringify({ message, request_id: randomBytes(16).toString('hex') })
    send(status, { 'content-type': 'application/json; charset=utf-8' }, body)
  }

  return { req, res, answerHeaders, dress, send, refuse }
}

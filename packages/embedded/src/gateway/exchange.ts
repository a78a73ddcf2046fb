import { randomBytes, randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { KongPlugins } from './kong-file.ts'
import type { Problem } from './limits.ts'
import { type Match, splitTarget } from './routing.ts'

/** Lower-case names; a list is one line each, and an empty list a header that must not be there. */
export type Headers = NodeJS.Dict<number | string | string[]>
export type Exchange = ReturnType<typeof openExchange>

/** One request and its answer. What the global plugins do to answers is done here, to a service's and to our own. */
export function openExchange(plugins: Partial<KongPlugins>, req: IncomingMessage, res: ServerResponse) {
  const { cors, 'correlation-id': correlation, 'response-transformer': transformer } = plugins
  /** Set on the answer, whoever makes it: a service's own lines of these names are replaced. */
  const answerHeaders: Headers = {}
  // A foreign origin is answered like any other, only without Allow-Origin: the browser does the refusing.
  if (cors) {
    answerHeaders['access-control-allow-origin'] = cors.origins.find((origin) => origin === req.headers.origin) ?? []
    answerHeaders['access-control-allow-credentials'] = cors.credentials ? 'true' : []
    answerHeaders['access-control-expose-headers'] = cors.exposed_headers.join(',')
  }
  if (correlation) {
    const name = correlation.header_name.toLowerCase()
    if (!req.headersDistinct[name]?.[0]) req.headersDistinct[name] = [randomUUID()]
    if (correlation.echo_downstream) answerHeaders[name] = req.headersDistinct[name]?.[0]
  }

  /** A service's headers as the client gets them. */
  function dress(headers: Headers): Headers {
    const vary = cors ? [headers.vary ?? [], 'Origin'].flat().map(String) : (headers.vary ?? [])
    const added = transformer?.add.headers.map((line) => line.split(/:(.*)/)) ?? []
    const defaults = Object.fromEntries(added.map(([name, value]) => [name?.toLowerCase(), value]))
    return { ...defaults, ...without({ ...headers, ...answerHeaders, vary }, transformer?.remove.headers) }
  }
  function send(status: number, headers: Headers, body = ''): void {
    res.writeHead(status, dress({ ...headers, 'content-length': Buffer.byteLength(body) })).end(body)
  }
  /** An error of the gateway itself. When an answer has begun, only cutting the connection tells the client. */
  function refuse({ status, message }: Problem): void {
    if (res.headersSent) return void res.destroy()
    // What a malformed request is followed by may be anything.
    if (status === 400) res.shouldKeepAlive = false
    const body = JSON.stringify({ message, request_id: randomBytes(16).toString('hex') })
    send(status, { 'content-type': 'application/json; charset=utf-8' }, body)
  }
  return { req, res, answerHeaders, dress, send, refuse }
}

export const isPreflight = ({ method, headers }: IncomingMessage) =>
  method === 'OPTIONS' && Boolean(headers.origin && headers['access-control-request-method'])

export const preflightHeaders = (cors: KongPlugins['cors']): Headers => ({
  'access-control-expose-headers': [],
  'access-control-allow-headers': cors.headers.join(','),
  'access-control-allow-methods': cors.methods.join(','),
  'access-control-max-age': cors.max_age,
})

/** What concerns one connection only, besides what its `Connection` header names. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'te', 'trailer']

/** The lines of a message that may cross the gateway. */
export const passing = ({ headersDistinct, headers: { connection = '' } }: IncomingMessage): Headers =>
  without(headersDistinct, [...HOP_BY_HOP, ...connection.split(/[\s,]+/)])

function without(headers: Headers, names: string[] = []): Headers {
  const unwanted = new Set(names.map((name) => name.toLowerCase()))
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !unwanted.has(name)))
}

/** The head that a service receives: the client's, cleaned, plus who asked for what and from where. */
export function serviceHeaders(req: IncomingMessage, match: Match, removed: string[] = []): IncomingHttpHeaders {
  const { authority = req.headers.host ?? '', path } = splitTarget(req.url)
  const { remoteAddress: address = '', localPort } = req.socket
  const { 'content-length': length, te = '' } = req.headers
  const headers: Headers = {
    // Expect is answered here, and CGI programs read Proxy as a setting.
    ...without(passing(req), ['expect', 'proxy', ...removed]),
    // Whatever Connection names: a body that lost its length would be read as the next request.
    ...(length && { 'content-length': length }),
    ...(/\btrailers\b/i.test(String(te)) && { te: 'trailers' }),
    host: `${match.service.host}:${match.service.port}`,
    'x-forwarded-for': [...(req.headersDistinct['x-forwarded-for'] ?? []), address].join(', '),
    'x-forwarded-proto': 'http',
    'x-forwarded-host': authority.replace(/:\d*$/, '').toLowerCase(),
    'x-forwarded-port': String(localPort),
    'x-forwarded-path': path,
    'x-forwarded-prefix': match.prefix ?? [],
    'x-real-ip': address,
  }
  return headers as IncomingHttpHeaders
}

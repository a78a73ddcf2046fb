import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { KongPlugins } from './kong-file.ts'
import { type Match, splitTarget } from './routing.ts'

/** Lower-case names; a list is one line each, and an empty list a header that must not be there. */
export type Headers = NodeJS.Dict<number | string | string[]>

/** What concerns one connection only, besides what its `Connection` header names. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'te', 'trailer']
/** Answered here (expect), or read by CGI programs as a setting (proxy). */
const CONSUMED = ['expect', 'proxy']

export function without(headers: Headers, names: string[] = []): Headers {
  const unwanted = new Set(names.map((name) => name.toLowerCase()))
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !unwanted.has(name)))
}

/** The lines of a message that may cross the gateway. */
export const passing = ({ headersDistinct, headers: { connection = '' } }: IncomingMessage): Headers =>
  without(headersDistinct, [...HOP_BY_HOP, ...connection.split(/[\s,]+/)])

/** The head that a service receives: the client's, cleaned, plus who asked for what and from where. */
export function serviceHeaders(req: IncomingMessage, match: Match, removed: string[] = []): IncomingHttpHeaders {
  const { authority = req.headers.host ?? '', path } = splitTarget(req.url)
  const address = req.socket.remoteAddress ?? ''
  const headers: Headers = {
    ...without(passing(req), [...CONSUMED, ...removed]),
    host: `${match.service.host}:${match.service.port}`,
    'x-forwarded-for': [...(req.headersDistinct['x-forwarded-for'] ?? []), address].join(', '),
    'x-forwarded-proto': 'http',
    'x-forwarded-host': authority.replace(/:\d*$/, '').toLowerCase(),
    'x-forwarded-port': String(req.socket.localPort),
    'x-forwarded-path': path,
    'x-forwarded-prefix': match.prefix ?? [],
    'x-real-ip': address,
  }
  // Whatever Connection names: a body that lost its length would be read as the next request.
  const length = req.headers['content-length']
  return (length ? { ...headers, 'content-length': length } : headers) as IncomingHttpHeaders
}

/** Of a WebSocket. Any other upgrade, and one that carries a body, is an ordinary request. */
export const isHandshake = ({ method, headers: { upgrade = '', ...headers } }: IncomingMessage) =>
  method === 'GET' && /^websocket$/i.test(upgrade) && !headers['content-length'] && !headers['transfer-encoding']

export const isPreflight = ({ method, headers }: IncomingMessage) =>
  method === 'OPTIONS' && Boolean(headers.origin) && Boolean(headers['access-control-request-method'])

export const preflightHeaders = (cors: KongPlugins['cors']): Headers => ({
  'access-control-expose-headers': [],
  'access-control-allow-headers': cors.headers.join(','),
  'access-control-allow-methods': cors.methods.join(','),
  'access-control-max-age': cors.max_age,
})

/** A foreign origin is answered like any other, only without `Allow-Origin`: the browser does the refusing. */
export const corsHeaders = (cors: KongPlugins['cors'], { headers }: IncomingMessage): Headers => ({
  'access-control-allow-origin': cors.origins.filter((origin) => origin === headers.origin),
  'access-control-allow-credentials': cors.credentials ? 'true' : [],
  'access-control-expose-headers': cors.exposed_headers.join(','),
})

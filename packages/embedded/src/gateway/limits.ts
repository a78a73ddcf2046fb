import type { IncomingMessage } from 'node:http'
import type { Headers } from './exchange.ts'
import type { KongPlugins } from './kong-file.ts'

/** Why a request is refused, in Kong's words. */
export type Problem = { status: number; message: string }

export const BAD_REQUEST: Problem = { status: 400, message: 'Bad request' }
export const HEAD_TOO_LARGE: Problem = { status: 400, message: 'Request header or cookie too large' }
const BODY_TOO_LARGE: Problem = { status: 413, message: 'Request size limit exceeded' }
const TOO_MANY: Problem = { status: 429, message: 'API rate limit exceeded' }

const LINE_BYTES = 8 * 1024
const UNIT_BYTES = { bytes: 1, kilobytes: 1024, megabytes: 1024 * 1024 }

/** What Node's parser lets through and Kong does not. */
export function headProblem(req: IncomingMessage): Problem | undefined {
  const { method, url, httpVersion, rawHeaders, headersDistinct } = req
  const tooLong = (name: string, i: number) => i % 2 === 0 && `${name}: ${rawHeaders[i + 1]}`.length > LINE_BYTES
  if (`${method} ${url} HTTP/${httpVersion}`.length > LINE_BYTES) return { status: 414, message: 'URI too long' }
  if (rawHeaders.some(tooLong)) return HEAD_TOO_LARGE
  if (method === 'TRACE') return { status: 405, message: 'Method not allowed' }
  const hosts = headersDistinct.host?.length ?? 0
  return hosts > 1 || (hosts === 0 && httpVersion !== '1.0') ? BAD_REQUEST : undefined
}

/**
 * Judges a body by its announced length and leaves it to stream. One without a length is read whole and returned,
 * so that the service never sees the beginning of a body that turns out too large.
 */
export async function limitBody(req: IncomingMessage, limit?: KongPlugins['request-size-limiting']) {
  const most = limit ? limit.allowed_payload_size * UNIT_BYTES[limit.size_unit] : Number.POSITIVE_INFINITY
  if (Number(req.headers['content-length'] ?? 0) > most) return { problem: BODY_TOO_LARGE }
  if (req.headers['transfer-encoding'] === undefined) return {}
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of req.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk)
    length += chunk.length
    if (length > most) break
  }
  if (length <= most) return { body: Buffer.concat(chunks) }
  req.resume() // a client may look for the answer only after its last byte
  return { problem: BODY_TOO_LARGE }
}

/** Fixed windows on the clock's minute and hour, per address, as Kong's policy `local`. Refused requests do not count. */
export function createRateLimit(config: KongPlugins['rate-limiting'], clock: () => number, raised?: number) {
  const { minute, hour } = raised ? { minute: raised, hour: Math.max(config.hour, 60 * raised) } : config
  const windows = [
    { name: 'minute', seconds: 60, limit: minute, start: 0, used: new Map<string, number>() },
    { name: 'hour', seconds: 3600, limit: hour, start: 0, used: new Map<string, number>() },
  ]
  return (address: string): { problem?: Problem; headers: Headers } => {
    const now = Math.floor(clock() / 1000)
    const states = windows.map((window) => {
      const start = now - (now % window.seconds)
      if (start !== window.start) Object.assign(window, { start, used: new Map() })
      return { ...window, left: window.limit - (window.used.get(address) ?? 0), reset: start + window.seconds - now }
    })
    const refused = states.some(({ left }) => left <= 0)
    for (const state of refused ? [] : states) {
      state.left -= 1
      state.used.set(address, state.limit - state.left)
    }

    const { limit, left, reset } = states.reduce((one, other) => (other.left <= one.left ? other : one))
    const headers: Headers = { 'ratelimit-limit': limit, 'ratelimit-remaining': left, 'ratelimit-reset': reset }
    if (refused) headers['retry-after'] = reset
    for (const { name, limit, left } of states)
      Object.assign(headers, { [`x-ratelimit-limit-${name}`]: limit, [`x-ratelimit-remaining-${name}`]: left })
    return { ...(refused && { problem: TOO_MANY }), headers: config.hide_client_headers ? {} : headers }
  }
}

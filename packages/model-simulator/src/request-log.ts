import type { IncomingMessage, ServerResponse } from 'node:http'

const secretHeaders = ['authorization', 'x-api-key', 'api-key', 'cookie']
const kept = 100

/** `cut_off`: the connection ended before the answer did, because the client left or the script reset it. */
export type LoggedRequest = Pick<IncomingMessage, 'method' | 'url' | 'headers'> & { body?: unknown; cut_off?: boolean }

/** Counts the requests in flight and remembers the last 100. Of secret headers it says only that they are present. */
export function createRequestLog() {
  const log = { in_flight: 0, requests: [] as LoggedRequest[] }
  function open({ method, url, headers: sent }: IncomingMessage, response: ServerResponse): LoggedRequest {
    const headers = { ...sent }
    for (const name of secretHeaders) if (headers[name]) headers[name] = '[present]'
    const entry: LoggedRequest = { method, url, headers }
    log.requests = [...log.requests, entry].slice(-kept)
    log.in_flight++
    response.on('close', () => {
      entry.cut_off = !response.writableFinished
      log.in_flight--
    })
    return entry
  }
  return { log, open, clear: () => Object.assign(log, { requests: [] }) }
}

import type { IncomingMessage, ServerResponse } from 'node:http'

const secretHeaders = ['authorization', 'x-api-key', 'api-key', 'cookie']

/** Counts the requests in flight and remembers the last 100. Of secret headers it says only that they are present. */
export function createRequestLog() {
  const log = { in_flight: 0, requests: [] as object[] }
  function open({ method, url, headers: sent }: IncomingMessage, response: ServerResponse) {
    const headers = { ...sent }
    for (const name of secretHeaders) if (headers[name]) headers[name] = '[present]'
    const entry = { method, url, headers, body: undefined as unknown, cut_off: false }
    log.requests = [...log.requests, entry].slice(-100)
    log.in_flight++
    response.on('close', () => {
      // The client left, or the script reset the connection.
      entry.cut_off = !response.writableFinished
      log.in_flight--
    })
    return entry
  }
  return { log, open, clear: () => Object.assign(log, { requests: [] }) }
}

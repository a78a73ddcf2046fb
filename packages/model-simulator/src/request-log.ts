import type { IncomingMessage, ServerResponse } from 'node:http'

const secretHeaders = ['authorization', 'x-api-key', 'api-key', 'cookie']

/** A request as it reached the model. Of secret headers it says only that they are present. */
export type LoggedRequest = Pick<IncomingMessage, 'method' | 'url' | 'headers'> & {
  body?: unknown
  status?: number
  fault?: string | undefined
  /** `client_left` before the answer's end; `reset` when the script broke the connection. */
  state: 'in_flight' | 'answered' | 'reset' | 'client_left'
}

/** Counts the requests and remembers the last `keep`. */
export function createRequestLog(keep: number) {
  const log = { received: 0, in_flight: 0, client_left: 0, requests: [] as LoggedRequest[] }
  const clear = () => Object.assign(log, { received: 0, client_left: 0, requests: [] })
  function open({ method, url, headers: sent }: IncomingMessage, response: ServerResponse): LoggedRequest {
    const headers = { ...sent }
    for (const name of secretHeaders) if (headers[name]) headers[name] = '[present]'
    const entry: LoggedRequest = { method, url, headers, state: 'in_flight' }
    if (log.requests.push(entry) > keep) log.requests.shift()
    log.received++
    log.in_flight++
    response.on('close', () => {
      if (response.headersSent) entry.status = response.statusCode
      entry.state = response.writableFinished ? 'answered' : entry.fault === 'reset' ? 'reset' : 'client_left'
      if (entry.state === 'client_left') log.client_left++
      log.in_flight--
    })
    return entry
  }
  return { log, clear, open }
}

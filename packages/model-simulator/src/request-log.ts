import type { IncomingMessage, ServerResponse } from 'node:http'

const secretHeaders = ['authorization', 'x-api-key', 'api-key', 'cookie']

export type LoggedRequest = ReturnType<typeof describe>
export type RequestLog = ReturnType<typeof createRequestLog>

/** A request as it reached the model; of secret headers only that they are there. */
function describe({ method, url, headers }: IncomingMessage) {
  const secrets = secretHeaders.filter((name) => headers[name]).map((name) => [name, '[present]'])
  // `client_left`: the client closed the connection before the answer's end. `reset`: the script did.
  const state = 'in_flight' as 'in_flight' | 'answered' | 'reset' | 'client_left'
  const unknown = { body: null as unknown, fault: null as string | null, status: null as number | null }
  return { method, url, headers: { ...headers, ...Object.fromEntries(secrets) }, ...unknown, state }
}

/** Counts requests and remembers the last `keep`. */
export function createRequestLog(keep: number) {
  const log = { received: 0, in_flight: 0, client_left: 0, requests: [] as LoggedRequest[] }
  return {
    present: () => log,
    open(request: IncomingMessage, response: ServerResponse): LoggedRequest {
      const entry = describe(request)
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
    },
    clear: () => Object.assign(log, { received: 0, client_left: 0, requests: [] }),
  }
}

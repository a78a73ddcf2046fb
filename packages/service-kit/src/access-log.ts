import { type Logger, unredacted } from './logger.ts'
import type { HttpMetrics } from './metrics.ts'

export type Ended = {
  requestId: string
  operation: string
  method: string | undefined
  path: string
  status: number
  /** From the head of the request to the last byte of its answer. */
  ms: number
}

/** What is noted of every request: a line and its place in the metrics. */
export type AccessLog = { began(): void; ended(request: Ended): void }

/**
 * Requests that end in the same turn of the event loop are noted together after it: nobody waits for that, and code
 * that has just run runs again for a fraction.
 */
export function createAccessLog(log: Logger, metrics: HttpMetrics): AccessLog {
  const lines = unredacted(log)
  let waiting: Ended[] = []
  const note = () => {
    const requests = waiting
    waiting = []
    for (const { requestId, operation, method, path, status, ms } of requests) {
      metrics.ended(operation, status, ms / 1000)
      lines.info({ request_id: requestId, operation, status, ms: Math.round(ms), method, path }, 'request')
    }
  }
  return {
    began: metrics.began,
    ended: (request) => {
      if (waiting.push(request) === 1) setImmediate(note)
    },
  }
}

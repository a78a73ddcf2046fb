import type { IncomingMessage, ServerResponse } from 'node:http'
import { presentUsage } from './tokens.ts'

const secretHeaders = ['authorization', 'x-api-key', 'api-key', 'cookie']
const nothing = { answered: 0, prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }

/**
 * Counts the requests in flight, remembers the last ones, and adds up what was sent in answer to all of them. Of secret
 * headers it says only that they are present.
 */
export function createRequestLog(remembered: number) {
  const log = { in_flight: 0, requests: [] as object[] }
  const totals = { ...nothing }
  function open({ method, url, headers: sent }: IncomingMessage, response: ServerResponse) {
    const headers = { ...sent }
    for (const name of secretHeaders) if (headers[name]) headers[name] = '[present]'
    const usage = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }
    const entry = { method, url, headers, body: undefined as unknown, cut_off: false, usage }
    log.requests = [...log.requests, entry].slice(-remembered)
    log.in_flight++
    response.on('close', () => {
      // The client left, or the script reset the connection.
      entry.cut_off = !response.writableFinished
      log.in_flight--
    })
    let [isBegun, written] = [false, 0]
    /** Tells that more has been sent of an answer to so many tokens. */
    function bill(promptTokens: number, characters: number) {
      totals.answered += isBegun ? 0 : 1
      isBegun = true
      written += characters
      const now = presentUsage(promptTokens, written)
      for (const name of ['prompt_tokens', 'completion_tokens', 'total_tokens'] as const) {
        totals[name] += now[name] - usage[name]
        usage[name] = now[name]
      }
    }
    return { entry, bill }
  }
  function clear() {
    Object.assign(totals, nothing)
    return Object.assign(log, { requests: [] })
  }
  return { log, totals, open, clear }
}

import type { Verdict } from '@jan/service-kit/rate-limit'
import { presentDuration } from '@jan/service-kit/rate-limit-headers'

/** OpenAI's headers of the tightest limits that a call is under: where the least is left. */
export function limitHeaders(requests: Verdict | undefined, tokens: Verdict | undefined): Record<string, string> {
  const headers: Record<string, string> = {}
  if (requests) {
    headers['x-ratelimit-limit-requests'] = String(requests.limit)
    headers['x-ratelimit-remaining-requests'] = String(requests.remaining)
    headers['x-ratelimit-reset-requests'] = presentDuration(requests.resetMs)
  }
  if (tokens) {
    headers['x-ratelimit-limit-tokens'] = String(tokens.limit)
    headers['x-ratelimit-remaining-tokens'] = String(tokens.remaining)
    headers['x-ratelimit-reset-tokens'] = presentDuration(tokens.resetMs)
  }
  return headers
}

export const tighter = (one: Verdict | undefined, other: Verdict): Verdict =>
  one && one.remaining <= other.remaining ? one : other

import type { Headers } from './answer.ts'
import type { Caller } from './auth.ts'
import { networkOf } from './client-address.ts'
import { AppError } from './errors.ts'
import type { RateLimiter } from './rate-limit.ts'

/** Counts a request of a person or key, tells them where they stand, and refuses what is too much. @throws AppError `rate_limited` */
export function enforceLimit(limiter: RateLimiter, caller: Caller, headers: Headers): void {
  // Who acts for a person was let in on that person's account already.
  if (caller.kind === 'service' || caller.via) return
  const { allowed, limit, remaining, resetMs } = limiter.take(caller.keyId ?? caller.subject)
  headers['x-ratelimit-limit-requests'] = String(limit)
  headers['x-ratelimit-remaining-requests'] = String(remaining)
  headers['x-ratelimit-reset-requests'] = presentDuration(resetMs)
  if (allowed) return
  const seconds = Math.ceil(resetMs / 1000)
  throw new AppError('rate_limited', `Too many requests: the limit of ${limit} is reached, try again in ${seconds} s`, {
    wireCode: 'rate_limit_exceeded',
    headers: { 'retry-after': String(seconds) },
  })
}

/** Counts what was asked from an address before anybody is known. @throws AppError `rate_limited` */
export function enforceAddressLimit(limiter: RateLimiter, address: string, what: string): void {
  const { allowed, resetMs } = limiter.take(networkOf(address))
  if (allowed) return
  const seconds = Math.ceil(resetMs / 1000)
  throw new AppError('rate_limited', `Too many ${what} from your address: try again in ${seconds} s`, {
    wireCode: 'rate_limit_exceeded',
    headers: { 'retry-after': String(seconds) },
  })
}

/** `6m0s`, `12.3s`, `40ms`: as OpenAI writes them. */
export function presentDuration(ms: number): string {
  if (ms < 1000) return `${Math.ceil(ms)}ms`
  const seconds = Math.round(ms / 100) / 10
  const minutes = Math.floor(seconds / 60)
  return `${minutes > 0 ? `${minutes}m` : ''}${Math.round((seconds - minutes * 60) * 10) / 10}s`
}

import type { Logger } from './logger.ts'
import type { Redis } from './redis.ts'

export type RateLimit = {
  /** Names the counters in Redis: limits of one name are one limit, over all replicas. */
  name: string
  /** How many in one window. */
  points: number
  /** Length of a window, which begins with the first request in it. */
  seconds: number
}

export type Verdict = {
  allowed: boolean
  limit: number
  /** How many are left in this window, as far as this replica knows. */
  remaining: number
  /** When the window ends, in ms from now. */
  resetMs: number
}

export type RateLimiter = {
  /** Counts `cost` (1) against a principal, unless that would pass the limit. Never waits. */
  take(principal: string, cost?: number): Verdict
  close(): Promise<void>
}

export type RateLimiterOptions = RateLimit & { redis: Redis | undefined; log: Logger; now?: () => number }

export function createRateLimiter(_options: RateLimiterOptions): RateLimiter {
  throw new Error('not written yet')
}

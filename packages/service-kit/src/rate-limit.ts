import type { Logger } from './logger.ts'
import { createCounters } from './rate-limit-counters.ts'
import { type Bucket, createSettlement } from './rate-limit-settlement.ts'
import { createRecentlyUsed } from './recently-used.ts'
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
  /**
   * Counts `cost` (1) against a principal, unless that would pass the limit: the limiter's own, or `limit` where
   * principals have their own. Never waits. @throws RangeError for a cost that is not a positive integer
   */
  take(principal: string, cost?: number, limit?: number): Verdict
  /**
   * Counts what turned out later: `difference` points more than were taken, whatever the limit, or fewer when it is
   * negative. More counts in the window that is open now; fewer only in the one in which it was taken, at `takenAt`
   * (by the clock of `now`). @throws RangeError for a difference that is no integer
   */
  correct(principal: string, difference: number, takenAt: number): void
  /** Settles what is left, for at most a second. From then on every principal is limited locally. */
  close(): Promise<void>
}

/** Without `redis` the limit is this process's own. `now` is in ms and must never go back. */
export type RateLimiterOptions = RateLimit & { redis: Redis | undefined; log: Logger; now?: () => number }

/** About 20 MB when full. */
const MOST_BUCKETS = 100_000

/**
 * A limit over all replicas that answers at once: each replica counts for itself and settles with Redis every 100 ms
 * while there is something to settle. It may be passed by what other replicas let through in one interval; while Redis
 * is away or silent, each replica limits alone.
 */
export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  const { points, seconds, redis, log, now = () => performance.now() } = options
  const windowMs = seconds * 1000
  const settlement = redis && createSettlement({ redis, count: createCounters(redis, options), log, now })
  const forget = (bucket: Bucket) => settlement?.forget(bucket)
  // The longest window is one that Redis begins just before the end that was guessed for it: two lengths.
  const buckets = createRecentlyUsed({ most: MOST_BUCKETS, idleMs: 2 * windowMs }, forget)

  /** The principal's open window, or one that would open now. */
  const windowOf = (principal: string, at: number): Bucket => {
    const known = buckets.get(principal, at)
    if (known && known.endsAt > at) return known
    if (known) forget(known)
    return {
      principal,
      own: 0,
      unsettled: 0,
      confirmed: 0,
      others: 0,
      beganAt: at,
      endsAt: at + windowMs,
      isShared: false,
    }
  }

  const add = (bucket: Bucket, cost: number, at: number) => {
    if (bucket.own === 0) buckets.set(bucket.principal, bucket, at)
    bucket.own += cost
    bucket.unsettled += cost
    settlement?.owe(bucket)
  }

  return {
    take(principal, cost = 1, limit = points) {
      if (!Number.isInteger(cost) || cost < 1) throw new RangeError(`a cost is a positive integer, not ${cost}`)
      const at = now()
      const bucket = windowOf(principal, at)
      const allowed = bucket.own + bucket.others + cost <= limit
      if (allowed) add(bucket, cost, at)
      const remaining = Math.max(0, limit - bucket.own - bucket.others)
      return { allowed, limit, remaining, resetMs: bucket.endsAt - at }
    },
    correct(principal, difference, takenAt) {
      if (!Number.isInteger(difference)) throw new RangeError(`a difference is an integer, not ${difference}`)
      const at = now()
      const bucket = windowOf(principal, at)
      const fits = difference > 0 || (bucket.beganAt <= takenAt && -difference <= bucket.own)
      if (difference !== 0 && fits) add(bucket, difference, at)
    },
    close: async () => settlement?.close(),
  }
}

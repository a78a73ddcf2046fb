import type { Caller } from '@jan/service-kit/auth'
import { AppError } from '@jan/service-kit/errors'
import type { Logger } from '@jan/service-kit/logger'
import { createRateLimiter, type RateLimiter } from '@jan/service-kit/rate-limit'
import type { Redis } from '@jan/service-kit/redis'
import type { DecidingRule } from './policy.ts'

export type ToolRates = {
  /** Counts one call, and says how to take that back. @throws AppError `rate_limited` */
  count(caller: Caller, rule: DecidingRule): () => void
  close(): Promise<void>
}

/** Every rule has a limit of its own, so the limiter's has no meaning. */
const POINTS = Number.MAX_SAFE_INTEGER

/** How often each person, key or service may call what one rule lets them, over all replicas. */
export function createToolRates({ redis, log }: { redis: Redis | undefined; log: Logger }): ToolRates {
  const byWindow = new Map<number, RateLimiter>()
  const limiterOf = (seconds: number) => {
    const known = byWindow.get(seconds)
    if (known) return known
    const made = createRateLimiter({ name: `mcp-tools:calls:${seconds}`, points: POINTS, seconds, redis, log })
    byWindow.set(seconds, made)
    return made
  }
  return {
    count(caller, { key, name, rate }) {
      if (!rate) return () => undefined
      const limiter = limiterOf(rate.seconds)
      const principal = `${key}:${principalOf(caller)}`
      const { allowed, resetMs } = limiter.take(principal, 1, rate.calls)
      // By the limiter's own clock, and in the window that this has opened.
      const takenAt = performance.now()
      if (allowed) return () => limiter.correct(principal, -1, takenAt)
      const seconds = Math.ceil(resetMs / 1000)
      throw new AppError(
        'rate_limited',
        `Too many calls: '${name}' allows ${rate.calls} in ${rate.seconds} s; try again in ${seconds} s`,
        { headers: { 'retry-after': String(seconds) } },
      )
    },
    close: async () => {
      await Promise.all(Array.from(byWindow.values(), (limiter) => limiter.close()))
    },
  }
}

const principalOf = (caller: Caller) =>
  caller.kind === 'service' ? `service ${caller.service}` : (caller.keyId ?? caller.subject)

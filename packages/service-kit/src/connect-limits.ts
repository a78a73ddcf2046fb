import type { Secret } from './config.ts'
import type { Dependency } from './health.ts'
import type { Closers } from './lifecycle.ts'
import type { Logger } from './logger.ts'
import { createRateLimiter, type RateLimiter } from './rate-limit.ts'
import { connectRedis, type Redis, redisDependency } from './redis.ts'

export type LimitSettings = { redisUrl?: Secret | undefined; requestsPerMinute: number }

/** What a service needs to limit requests: nothing when there is no limit, and no Redis when each replica limits alone. */
export type Limits = { limiter: RateLimiter | undefined; redis: Redis | undefined; dependencies: Dependency[] }

/** The limit of requests per person or key to one service, over all its replicas. */
export function connectLimits(service: string, settings: LimitSettings, log: Logger, closers: Closers): Limits {
  const { redisUrl, requestsPerMinute: points } = settings
  const redis = redisUrl && connectRedis(redisUrl.reveal(), log, closers)
  const dependencies = redis ? [redisDependency(redis)] : []
  if (points === 0) return { limiter: undefined, redis, dependencies }
  const limiter = createRateLimiter({ name: `${service}:requests`, points, seconds: 60, redis, log })
  closers.add('limits', limiter, () => limiter.close())
  return { limiter, redis, dependencies }
}

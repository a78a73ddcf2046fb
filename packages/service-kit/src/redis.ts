import { Redis } from 'ioredis'
import type { Dependency } from './health.ts'
import type { Closers } from './lifecycle.ts'
import type { Logger } from './logger.ts'

export type { Redis } from 'ioredis'

/** Longest silence after a command before the connection counts as dead, in ms. */
const SILENCE_MS = 5_000
const MOST_BETWEEN_TRIES_MS = 2_000

/**
 * One connection per process, made in the background and again whenever it is lost. Redis is a soft dependency:
 * while it is away commands fail at once instead of waiting, and a command that was cut is never sent twice.
 */
export function connectRedis(url: string, log: Logger, closers: Closers): Redis {
  const redis = new Redis(url, {
    connectTimeout: 2_000,
    socketTimeout: SILENCE_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => Math.min(times * 100, MOST_BETWEEN_TRIES_MS),
  })
  let isTold = false
  redis.on('error', (error) => {
    if (!isTold) log.warn({ err: error }, 'Redis is not reachable')
    isTold = true
  })
  redis.on('ready', () => {
    if (isTold) log.info('Redis is reachable again')
    isTold = false
  })
  return closers.add('redis', redis, (connection) => connection.disconnect())
}

export const redisDependency = (redis: Redis): Dependency => ({
  name: 'redis',
  required: false,
  check: () => redis.ping(),
})

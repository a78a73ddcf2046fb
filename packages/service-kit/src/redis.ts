import { Redis } from 'ioredis'
import type { Dependency } from './health.ts'
import type { Closers } from './lifecycle.ts'
import type { Logger } from './logger.ts'

export type { Redis } from 'ioredis'

const ANSWER_MS = 5_000
const MOST_BETWEEN_TRIES_MS = 2_000

/**
 * One connection per process, made in the background and again whenever it is lost. Redis is a soft dependency:
 * while it is away commands fail at once instead of waiting, and a command that was cut is never sent twice.
 * `answerMs` is the longest wait for an answer; `answerOf` makes the connection anew after it.
 */
export function connectRedis(url: string, log: Logger, closers: Closers, answerMs = ANSWER_MS): Redis {
  const redis = new Redis(url, {
    connectTimeout: 2_000,
    // Not `socketTimeout`: its timer outlives a connection that was cut, and ends the next one (ioredis 5.11).
    commandTimeout: answerMs,
    disconnectTimeout: 100,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => Math.min(times * 100, MOST_BETWEEN_TRIES_MS),
  })
  let isTold = false
  redis.on('error', (error) => {
    // The message alone: an error of ioredis carries its command, and that of AUTH holds the password.
    if (!isTold) log.warn({ reason: error.message }, 'Redis is not reachable')
    isTold = true
  })
  redis.on('ready', () => {
    if (isTold) log.info('Redis is reachable again')
    isTold = false
  })
  return closers.add('redis', redis, (connection) => connection.disconnect())
}

/** The answer to a command. When it does not come in time the connection is open but dead, and is made anew. */
export async function answerOf<T>(redis: Redis, command: Promise<T>): Promise<T> {
  try {
    return await command
  } catch (error) {
    if ((error as Error).message === 'Command timed out') redis.disconnect(true)
    throw error
  }
}

export const redisDependency = (redis: Redis): Dependency => ({
  name: 'redis',
  required: false,
  check: () => answerOf(redis, redis.ping()),
})

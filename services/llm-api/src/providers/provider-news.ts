import type { Logger } from '@jan/service-kit/logger'
import { answerOf, type Redis } from '@jan/service-kit/redis'

/** Says that providers or models are others now, and not which: everybody reads them anew. */
const CHANNEL = 'jan:models:changed'

/** @param redis a connection of its own: one that listens can do nothing else */
export function hearOfModels(redis: Redis, log: Logger, onChange: () => void): void {
  redis.on('message', (channel) => {
    if (channel === CHANNEL) onChange()
  })
  const listen = () =>
    redis.subscribe(CHANNEL).catch((error: Error) => {
      log.warn({ reason: error.message }, 'changed models are noticed late: Redis refuses to tell of them')
    })
  redis.on('ready', listen)
  if (redis.status === 'ready') void listen()
}

/** Without Redis nobody hears of it; each replica then finds out by itself, within a minute. */
export async function tellOfModels(redis: Redis | undefined, log: Logger): Promise<void> {
  if (!redis) return
  await answerOf(redis, redis.publish(CHANNEL, '')).catch((error: Error) => {
    log.warn({ reason: error.message }, 'other replicas were not told of changed models; they notice within a minute')
  })
}

import type { Logger } from './logger.ts'
import { answerOf, type Redis } from './redis.ts'

/** Carries hashes of keys that were revoked or changed, to every replica of every service. */
const CHANNEL = 'jan:api-keys:changed'

/** @param redis a connection of its own: one that listens can do nothing else */
export function hearOfKeys(redis: Redis, log: Logger, onChange: (hash: string) => void): void {
  redis.on('message', (channel, hash) => {
    if (channel === CHANNEL) onChange(hash)
  })
  const listen = () =>
    redis.subscribe(CHANNEL).catch((error: Error) => {
      log.warn({ reason: error.message }, 'revoked API keys are noticed late: Redis refuses to tell of them')
    })
  redis.on('ready', listen)
  if (redis.status === 'ready') void listen()
}

/** Without Redis nobody hears of it; each replica then finds out by itself, within half a minute. */
export async function tellOfKey(redis: Redis | undefined, log: Logger, hash: string): Promise<void> {
  if (!redis) return
  await answerOf(redis, redis.publish(CHANNEL, hash)).catch((error: Error) => {
    log.warn({ reason: error.message }, 'other replicas were not told of a changed API key; they notice within 30 s')
  })
}

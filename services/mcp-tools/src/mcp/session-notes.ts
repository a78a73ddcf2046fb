import { createRecentlyUsed } from '@jan/service-kit/recently-used'
import { answerOf, type Redis } from '@jan/service-kit/redis'
import type { LoggingLevel } from '@modelcontextprotocol/server'
import { SESSION_SECONDS } from './sessions.ts'

/** What a 2025-x client said about its session after `initialize`, and what its signed id can therefore not hold. */
export type SessionNotes = {
  level(nonce: string): Promise<LoggingLevel | undefined>
  setLevel(nonce: string, level: LoggingLevel): Promise<void>
  /** Addresses of resources whose changes it wants to hear of. */
  subscriptions(nonce: string): Promise<ReadonlySet<string>>
  subscribe(nonce: string, uri: string): Promise<void>
  unsubscribe(nonce: string, uri: string): Promise<void>
}

const PREFIX = 'jan:mcp:'
const levelKey = (nonce: string) => `${PREFIX}level:${nonce}`
const subscriptionsKey = (nonce: string) => `${PREFIX}subs:${nonce}`

/** For all replicas, for as long as the session. @throws when Redis is away */
export const createSharedNotes = (redis: Redis): SessionNotes => ({
  level: async (nonce) =>
    ((await answerOf(redis, redis.get(levelKey(nonce)))) ?? undefined) as LoggingLevel | undefined,
  setLevel: async (nonce, level) => {
    await answerOf(redis, redis.set(levelKey(nonce), level, 'EX', SESSION_SECONDS))
  },
  subscriptions: async (nonce) => new Set(await answerOf(redis, redis.smembers(subscriptionsKey(nonce)))),
  subscribe: async (nonce, uri) => {
    const key = subscriptionsKey(nonce)
    await answerOf(redis, redis.multi().sadd(key, uri).expire(key, SESSION_SECONDS).exec())
  },
  unsubscribe: async (nonce, uri) => {
    await answerOf(redis, redis.srem(subscriptionsKey(nonce), uri))
  },
})

type Note = { level?: LoggingLevel; uris: Set<string> }
const LIMITS = { most: 10_000, idleMs: 24 * 3_600_000 }

/** For a replica that is alone. It forgets the sessions that were used least recently. */
export function createLocalNotes(now: () => Date): SessionNotes {
  const notes = createRecentlyUsed<Note>(LIMITS, () => undefined)
  const noteOf = (nonce: string) => {
    const at = now().getTime()
    const note = notes.get(nonce, at) ?? { uris: new Set() }
    notes.set(nonce, note, at)
    return note
  }
  return {
    level: async (nonce) => noteOf(nonce).level,
    setLevel: async (nonce, level) => {
      noteOf(nonce).level = level
    },
    subscriptions: async (nonce) => noteOf(nonce).uris,
    subscribe: async (nonce, uri) => {
      noteOf(nonce).uris.add(uri)
    },
    unsubscribe: async (nonce, uri) => {
      noteOf(nonce).uris.delete(uri)
    },
  }
}

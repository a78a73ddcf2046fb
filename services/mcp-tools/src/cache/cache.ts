import { answerOf, type Redis } from '@jan/service-kit/redis'

/** What may be forgotten at any time. A cache that cannot be reached is an empty one. */
export type Cache = {
  get(key: string): Promise<string | undefined>
  /** Longer values than one entry may have are not kept. */
  set(key: string, value: string, ttlMs: number): Promise<void>
}

export type CacheOptions = {
  /** Shared by all replicas; without it each has its own in memory. */
  redis: Redis | undefined
  /** Says in Redis whose entries they are. */
  name: string
  maxEntryChars: number
  /** Of the cache in memory, all entries together, their keys and 100 for each among them. */
  maxChars: number
}

export const createCache = ({ redis, name, maxEntryChars, maxChars }: CacheOptions): Cache =>
  redis ? createRedisCache(redis, `jan:mcp-tools:${name}:`, maxEntryChars) : createMemoryCache(maxEntryChars, maxChars)

/** connectRedis tells when Redis is away; whoever looks something up just goes on without it. */
function createRedisCache(redis: Redis, prefix: string, maxEntryChars: number): Cache {
  const ignore = () => undefined
  return {
    get: async (key) => (await answerOf(redis, redis.get(prefix + key)).catch(ignore)) ?? undefined,
    set: async (key, value, ttlMs) => {
      if (ttlMs <= 0 || value.length > maxEntryChars) return
      await answerOf(redis, redis.set(prefix + key, value, 'PX', ttlMs)).catch(ignore)
    },
  }
}

/** What an entry costs beside its texts, in characters: an empty one is not for nothing. */
const ENTRY_CHARS = 100
const sizeOf = (key: string, value: string) => key.length + value.length + ENTRY_CHARS

/** When it is full, what was not used for longest goes first. */
export function createMemoryCache(maxEntryChars: number, maxChars: number, now = () => performance.now()): Cache {
  const entries = new Map<string, { value: string; until: number }>()
  let chars = 0
  const drop = (key: string) => {
    const entry = entries.get(key)
    if (entry) chars -= sizeOf(key, entry.value)
    entries.delete(key)
  }
  return {
    async get(key) {
      const entry = entries.get(key)
      if (!entry) return undefined
      if (entry.until <= now()) {
        drop(key)
        return undefined
      }
      // The order of insertion is the order of use.
      entries.delete(key)
      entries.set(key, entry)
      return entry.value
    },
    async set(key, value, ttlMs) {
      drop(key)
      if (ttlMs <= 0 || value.length > maxEntryChars) return
      entries.set(key, { value, until: now() + ttlMs })
      chars += sizeOf(key, value)
      for (const oldest of entries.keys()) {
        if (chars <= maxChars) break
        drop(oldest)
      }
    },
  }
}

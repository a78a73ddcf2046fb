import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FieldCipher } from '@jan/service-kit/field-encryption'
import { answerOf, type Redis } from '@jan/service-kit/redis'
import type { TokenSet } from './sessions.client.ts'

type Result = TokenSet | undefined

/** A refresh token is given to the provider by one at a time; who comes with it at the same time, or soon after, gets the same answer. */
export type SharedRefreshes = { once(token: string, refresh: () => Promise<Result>): Promise<Result> }

export type SharedRefreshesOptions = {
  /** Through which replicas share; without it, or when it is away, each process shares by itself. */
  redis: Redis | undefined
  cipher: FieldCipher
}

/** How long an answer is kept for who comes late. */
const SHARED_MS = 5_000
/** Longer than the provider may take: a lock whose owner died ends by itself. */
const LOCK_MS = 15_000
const LOOK_AGAIN_MS = 50

export function createSharedRefreshes({ redis, cipher }: SharedRefreshesOptions): SharedRefreshes {
  const here = new Map<string, Promise<Result>>()

  const throughRedis = async (redis: Redis, key: string, refresh: () => Promise<Result>): Promise<Result> => {
    const isOurs = await answerOf(redis, redis.set(key, '', 'PX', LOCK_MS, 'NX')).catch(() => 'away' as const)
    if (isOurs === 'away') return refresh()
    if (isOurs === null) {
      const answer = await answerOfOther(redis, key)
      if (answer === 'none') return refresh()
      return open(cipher, answer, key)
    }
    try {
      const result = await refresh()
      await answerOf(redis, redis.set(key, seal(cipher, result, key), 'PX', SHARED_MS)).catch(() => undefined)
      return result
    } catch (error) {
      await answerOf(redis, redis.del(key)).catch(() => undefined)
      throw error
    }
  }

  return {
    once: (token, refresh) => {
      const key = `jan:refresh:${createHash('sha256').update(token).digest('base64url')}`
      const known = here.get(key)
      if (known) return known
      const result = redis ? throughRedis(redis, key, refresh) : refresh()
      here.set(key, result)
      const forget = () => here.delete(key)
      result.then(() => setTimeout(forget, SHARED_MS).unref(), forget)
      return result
    },
  }
}

/** `none` when its owner gave up, or Redis went away. */
async function answerOfOther(redis: Redis, key: string): Promise<string> {
  for (const end = Date.now() + LOCK_MS; Date.now() < end; await sleep(LOOK_AGAIN_MS)) {
    const answer = await answerOf(redis, redis.get(key)).catch(() => null)
    if (answer === null) return 'none'
    if (answer !== '') return answer
  }
  return 'none'
}

const seal = (cipher: FieldCipher, result: Result, key: string) => cipher.encrypt(JSON.stringify(result ?? null), key)
const open = (cipher: FieldCipher, sealed: string, key: string): Result =>
  (JSON.parse(cipher.decrypt(sealed, key)) as TokenSet | null) ?? undefined

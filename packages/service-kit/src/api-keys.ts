import { hash } from 'node:crypto'
import type { Person } from './auth.ts'
import { unavailable } from './errors.ts'

/** For whom a key stands, and how long at most. */
export type KeyHolder = { person: Person; expiresAt: Date }

/**
 * Looks a key up by its hash, with whoever keeps the keys.
 * @returns undefined when there is no such key, or it is good no more
 * @throws when that cannot be said right now
 */
export type IntrospectKey = (hash: string) => Promise<KeyHolder | undefined>

export type ApiKeys = {
  /** At once when it is known; undefined when the key is not good. @throws AppError `unavailable` when that cannot be said */
  holderOf(key: string): Person | undefined | Promise<Person | undefined>
  /** What is known of a key is known no more: it was revoked, or changed. */
  forget(hash: string): void
}

export type ApiKeysOptions = { introspect: IntrospectKey; now?: () => number }

/** SHA-256 as 64 hex digits: what is stored of a key, and told between services. A key is random, so that needs no salt. */
export const hashOfKey = (key: string): string => hash('sha256', key, 'hex')

/** How long a good key is believed, counted from when it was asked for: what has changed since is noticed then at the latest. */
const GOOD_MS = 30_000
const BAD_MS = 5_000
/** Of each: floods of bad keys do not push out good ones. */
const REMEMBERED = 10_000

/** Remembers keys by their whole hash, and asks for each at most once at a time. */
export function createApiKeys({ introspect, now = Date.now }: ApiKeysOptions): ApiKeys {
  const good = new Map<string, { person: Person; until: number }>()
  const bad = new Map<string, number>()
  const underWay = new Map<string, Promise<Person | undefined>>()

  const learn = (digest: string, holder: KeyHolder | undefined, askedAt: number) => {
    good.delete(digest)
    bad.delete(digest)
    if (!holder) return add(bad, digest, askedAt + BAD_MS)
    const until = Math.min(askedAt + GOOD_MS, holder.expiresAt.getTime())
    add(good, digest, { person: holder.person, until })
  }

  const ask = (digest: string): Promise<Person | undefined> => {
    const askedAt = now()
    const asked = introspect(digest)
      .catch((error: unknown) => {
        throw unavailable('API keys cannot be checked right now', error)
      })
      .then((holder) => {
        // Forgotten meanwhile: the answer may be older than the change.
        if (underWay.get(digest) === asked) learn(digest, holder, askedAt)
        return holder?.person
      })
      .finally(() => {
        if (underWay.get(digest) === asked) underWay.delete(digest)
      })
    underWay.set(digest, asked)
    return asked
  }

  return {
    holderOf(key) {
      const digest = hashOfKey(key)
      const known = good.get(digest)
      if (known && known.until > now()) return known.person
      if ((bad.get(digest) ?? 0) > now()) return undefined
      return underWay.get(digest) ?? ask(digest)
    },
    forget(digest) {
      good.delete(digest)
      bad.delete(digest)
      underWay.delete(digest)
    },
  }
}

function add<T>(map: Map<string, T>, key: string, value: T): void {
  if (map.size >= REMEMBERED) map.delete(map.keys().next().value!)
  map.set(key, value)
}

/** A map that forgets: what was not used for `idleMs` to twice that, and, when it is full, what was used least recently. */
export type RecentlyUsed<T> = {
  get(key: string, at: number): T | undefined
  set(key: string, value: T, at: number): void
}

/**
 * Two generations: what is used moves to the younger; a younger one that is full or old becomes the older, and the older is
 * dropped whole. So a hot key costs one look-up, and nothing is ever searched for what is old.
 */
export function createRecentlyUsed<T>(
  { most, idleMs }: { most: number; idleMs: number },
  onForgotten: (value: T) => void,
): RecentlyUsed<T> {
  let younger = new Map<string, T>()
  let older = new Map<string, T>()
  let turnedAt = Number.NEGATIVE_INFINITY
  const turn = (at: number) => {
    for (const value of older.values()) onForgotten(value)
    older = younger
    younger = new Map()
    turnedAt = at
  }
  const set = (key: string, value: T, at: number) => {
    younger.delete(key)
    older.delete(key)
    if (at - turnedAt >= idleMs || younger.size >= most / 2) turn(at)
    younger.set(key, value)
  }
  return {
    get(key, at) {
      const value = younger.get(key)
      if (value !== undefined) return value
      const old = older.get(key)
      if (old !== undefined) set(key, old, at)
      return old
    },
    set,
  }
}

export type Line = {
  /** Waits for a place, first come, first served. @returns gives the place back. @throws the reason of `signal` when it aborts before */
  take(signal?: AbortSignal): Promise<() => void>
}

/** A line of callers before a fixed number of places. */
export function createLine(places: number): Line {
  let free = places
  const waiting: (() => void)[] = []
  const giveBack = () => {
    const next = waiting.shift()
    if (next) next()
    else free += 1
  }
  const placeOf = () => {
    let isTaken = true
    return () => {
      if (isTaken) giveBack()
      isTaken = false
    }
  }
  return {
    async take(signal) {
      signal?.throwIfAborted()
      if (free > 0) {
        free -= 1
        return placeOf()
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const leave = () => {
        waiting.splice(waiting.indexOf(resolve), 1)
        reject(signal?.reason)
      }
      waiting.push(resolve)
      signal?.addEventListener('abort', leave, { once: true })
      await promise.finally(() => signal?.removeEventListener('abort', leave))
      return placeOf()
    },
  }
}

export type Turns = {
  /**
   * `whose`: of several who wait, the turn goes to whoever has the fewest, and of these to whoever had none for longest.
   * @throws what `refusal` makes, or the reason of `signal` when that was aborted while waiting
   */
  take(signal?: AbortSignal, whose?: string): Promise<void>
  give(whose?: string): void
  /** Works while it has a turn. @throws as `take`, and what `work` throws */
  during<T>(signal: AbortSignal | undefined, work: () => Promise<T>, whose?: string): Promise<T>
  taken(): number
  close(): void
}

/** Why somebody is not let in: `busy` when too many wait, or when it takes too long. */
export type Refusal = { busy(waiting: number): Error; closed(): Error }

export type TurnLimits = {
  /** How many of one person may wait; as many as all when absent. */
  maxWaitingOfOne?: number | undefined
  /** How long anybody waits. */
  longestWaitMs?: number | undefined
}

type Place = { whose: string; enter(): void; refuse(reason: unknown): void }

/** Lets `atOnce` callers in and `maxWaiting` more wait in line: first come first served, of each person. */
export function createTurns(atOnce: number, maxWaiting: number, refusal: Refusal, limits: TurnLimits = {}): Turns {
  const { maxWaitingOfOne = maxWaiting, longestWaitMs } = limits
  const waiting: Place[] = []
  /** How many turns each has now, and when it got its last one: of those who have one, and while anybody waits. */
  const had = new Map<string, { now: number; last: number }>()
  let taken = 0
  let served = 0
  let closed = false

  const enter = (whose: string) => {
    served += 1
    had.set(whose, { now: (had.get(whose)?.now ?? 0) + 1, last: served })
  }
  const leave = (whose: string) => {
    const mine = had.get(whose)!
    mine.now -= 1
    if (waiting.length === 0) for (const [each, { now }] of had) if (now === 0) had.delete(each)
  }
  /** Who comes before whom; first come first served when it is the same. */
  const rank = ({ whose }: Place): [now: number, last: number] => {
    const { now, last } = had.get(whose) ?? { now: 0, last: 0 }
    return [now, last]
  }
  const nextPlace = (): Place | undefined => {
    const [next] = waiting.toSorted((one, other) => rank(one)[0] - rank(other)[0] || rank(one)[1] - rank(other)[1])
    if (next) waiting.splice(waiting.indexOf(next), 1)
    return next
  }

  const take = async (signal?: AbortSignal, whose = '') => {
    if (closed) throw refusal.closed()
    if (taken < atOnce) {
      taken += 1
      return enter(whose)
    }
    const ofOne = waiting.filter((place) => place.whose === whose).length
    if (waiting.length >= maxWaiting || ofOne >= maxWaitingOfOne) throw refusal.busy(waiting.length)
    const turn = Promise.withResolvers<void>()
    const place = { whose, enter: turn.resolve, refuse: turn.reject }
    const giveUp = (reason: unknown) => {
      const at = waiting.indexOf(place)
      // Whoever has entered already is not concerned.
      if (at < 0) return
      waiting.splice(at, 1)
      turn.reject(reason)
    }
    waiting.push(place)
    const leaves = () => giveUp(signal!.reason)
    signal?.addEventListener('abort', leaves, { once: true })
    const timer = longestWaitMs && setTimeout(() => giveUp(refusal.busy(waiting.length)), longestWaitMs)
    try {
      await turn.promise
    } finally {
      signal?.removeEventListener('abort', leaves)
      if (timer) clearTimeout(timer)
    }
  }
  const give = (whose = '') => {
    leave(whose)
    const next = nextPlace()
    if (!next) {
      taken -= 1
      return
    }
    enter(next.whose)
    next.enter()
  }
  return {
    take,
    give,
    async during(signal, work, whose) {
      await take(signal, whose)
      try {
        return await work()
      } finally {
        give(whose)
      }
    },
    taken: () => taken,
    close() {
      closed = true
      for (const { refuse } of waiting.splice(0)) refuse(refusal.closed())
    },
  }
}

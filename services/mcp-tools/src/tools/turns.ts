export type Turns = {
  /** @throws what `refusal` makes, or the reason of `signal` when that was aborted while waiting */
  take(signal?: AbortSignal): Promise<void>
  give(): void
  /** Works while it has a turn. @throws as `take`, and what `work` throws */
  during<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T>
  taken(): number
  close(): void
}

/** Why somebody is not let in. */
export type Refusal = { busy(waiting: number): Error; closed(): Error }

/** Lets `atOnce` callers in and `maxWaiting` more wait in line, first come first served. */
export function createTurns(atOnce: number, maxWaiting: number, refusal: Refusal): Turns {
  const waiting: { enter(): void; refuse(reason: unknown): void }[] = []
  let taken = 0
  let closed = false
  const take: Turns['take'] = async (signal) => {
    if (closed) throw refusal.closed()
    if (taken < atOnce) return void taken++
    if (waiting.length >= maxWaiting) throw refusal.busy(waiting.length)
    await new Promise<void>((enter, refuse) => {
      const place = { enter, refuse }
      waiting.push(place)
      signal?.addEventListener(
        'abort',
        () => {
          const at = waiting.indexOf(place)
          if (at >= 0) waiting.splice(at, 1)
          // Whoever has entered already is not concerned: refusing a resolved promise does nothing.
          refuse(signal.reason)
        },
        { once: true },
      )
    })
  }
  const give = () => {
    const next = waiting.shift()
    if (next) next.enter()
    else taken--
  }
  return {
    take,
    give,
    async during(signal, work) {
      await take(signal)
      try {
        return await work()
      } finally {
        give()
      }
    },
    taken: () => taken,
    close() {
      closed = true
      for (const { refuse } of waiting.splice(0)) refuse(refusal.closed())
    },
  }
}

import { AppError } from '@jan/service-kit/errors'

/** Some things that are used by one at a time, and a line of bounded length before them. */
export type Queue<T> = {
  /**
   * Uses one of the things as soon as one is free; first come, first served.
   * @throws AppError `rate_limited` when the line is full, or the signal's reason when it aborts in the line
   */
  use<R>(signal: AbortSignal, act: (thing: T) => Promise<R>): Promise<R>
}

export function createQueue<T>(things: readonly T[], maxWaiting: number): Queue<T> {
  const free = [...things]
  const line: ((thing: T) => void)[] = []

  const take = (signal: AbortSignal): T | Promise<T> => {
    signal.throwIfAborted()
    if (free.length > 0) return free.pop()!
    if (line.length >= maxWaiting) throw full()
    const turn = Promise.withResolvers<T>()
    const leave = () => {
      line.splice(line.indexOf(enter), 1)
      turn.reject(signal.reason)
    }
    const enter = (thing: T) => {
      signal.removeEventListener('abort', leave)
      turn.resolve(thing)
    }
    line.push(enter)
    signal.addEventListener('abort', leave, { once: true })
    return turn.promise
  }
  const giveBack = (thing: T) => {
    const next = line.shift()
    if (next) next(thing)
    else free.push(thing)
  }
  return {
    async use(signal, act) {
      const thing = await take(signal)
      try {
        return await act(thing)
      } finally {
        giveBack(thing)
      }
    },
  }
}

const full = () =>
  new AppError('rate_limited', 'The local model is busy and its queue is full', { headers: { 'retry-after': '1' } })

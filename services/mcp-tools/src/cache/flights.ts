/** Does the same work once for all who ask for it while it is under way. */
export type Flights<T> = {
  /**
   * @throws what `work` throws; the reason of `signal` when that was aborted. The work's own signal is aborted when
   * everybody who waits has left.
   */
  join(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T>
}

type Flight<T> = { result: Promise<T>; end: AbortController; passengers: number }

export function createFlights<T>(): Flights<T> {
  const flights = new Map<string, Flight<T>>()
  const start = (key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> => {
    const end = new AbortController()
    const flight = { result: work(end.signal), end, passengers: 0 }
    flights.set(key, flight)
    const land = () => {
      if (flights.get(key) === flight) flights.delete(key)
    }
    flight.result.then(land, land)
    return flight
  }
  return {
    async join(key, signal, work) {
      signal.throwIfAborted()
      const flight = flights.get(key) ?? start(key, work)
      flight.passengers++
      const left = Promise.withResolvers<never>()
      const leave = () => left.reject(signal.reason)
      signal.addEventListener('abort', leave, { once: true })
      try {
        return await Promise.race([flight.result, left.promise])
      } finally {
        signal.removeEventListener('abort', leave)
        flight.passengers--
        if (flight.passengers === 0) {
          // Who comes now starts anew instead of joining what is being given up.
          if (flights.get(key) === flight) flights.delete(key)
          flight.end.abort(signal.reason)
        }
      }
    },
  }
}

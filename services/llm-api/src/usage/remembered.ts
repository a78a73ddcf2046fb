/** Something of the database that is asked for at every call: from memory, and read again in the background. */
export type Remembered<T> = {
  /** What is known; only before anything is known, a promise. @throws Error of the first reading */
  get(): T | Promise<T>
  /** Reads it now, after somebody has changed it here. @throws Error */
  refresh(): Promise<T>
}

export type RememberedOptions<T> = {
  read: () => Promise<T>
  /** Age from which it is read again when it is asked for, in ms: others' changes are seen after this. */
  freshMs: number
  onFailed: (error: unknown) => void
}

export function createRemembered<T>({ read, freshMs, onFailed }: RememberedOptions<T>): Remembered<T> {
  let known: { value: T } | undefined
  let readAt = Number.NEGATIVE_INFINITY
  let latest = 0
  let reading: Promise<T> | undefined

  const refresh = (): Promise<T> => {
    const turn = ++latest
    readAt = performance.now()
    const mine = read()
      .then((value) => {
        // An older reading that ends later tells nothing new.
        if (turn === latest || !known) known = { value }
        return value
      })
      .finally(() => {
        if (reading === mine) reading = undefined
      })
    reading = mine
    return mine
  }
  return {
    refresh,
    get() {
      if (!known) return reading ?? refresh()
      if (!reading && performance.now() - readAt > freshMs) refresh().catch(onFailed)
      return known.value
    },
  }
}

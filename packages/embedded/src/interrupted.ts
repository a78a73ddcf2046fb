/** Ctrl-C, or what means the same: everything has been taken back. */
export class Interrupted extends Error {
  override name = 'Interrupted'
}

/** Aborts when the process is told to end, once; a second Ctrl-C means now. For commands that have something to take back. */
export function heedInterrupts(): AbortSignal {
  const asked = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      if (asked.signal.aborted && signal === 'SIGINT') process.exit(130)
      asked.abort(new Interrupted('Stopped.'))
    })
  return asked.signal
}

/** What comes first. @throws the signal's reason */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort)
  return Promise.race([work, aborted.promise]).finally(() => signal.removeEventListener('abort', abort))
}

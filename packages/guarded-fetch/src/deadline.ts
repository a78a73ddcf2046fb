import { GuardedFetchError, toGuardedFetchError } from './guarded-fetch-error.ts'

export type Deadline = {
  /** Aborted when the time is over or the caller leaves. */
  signal: AbortSignal
  stop(): void
  /** What to throw for an error met on the way: the caller's own reason, `timeout`, or the error as ours. */
  reasonFor(error: unknown): unknown
}

/** One clock for a whole call. Not AbortSignal.any over AbortSignal.timeout: the timer must be stoppable with the call. */
export function startDeadline(timeoutMs: number, caller?: AbortSignal): Deadline {
  const controller = new AbortController()
  const leave = () => controller.abort(caller?.reason)
  const timeOver = new GuardedFetchError('timeout', `The URL did not answer completely within ${timeoutMs} ms`)
  const timer = setTimeout(() => controller.abort(timeOver), timeoutMs)
  timer.unref()
  caller?.addEventListener('abort', leave, { once: true })
  return {
    signal: controller.signal,
    stop: () => {
      clearTimeout(timer)
      caller?.removeEventListener('abort', leave)
    },
    reasonFor: (error) => (controller.signal.aborted ? controller.signal.reason : toGuardedFetchError(error)),
  }
}

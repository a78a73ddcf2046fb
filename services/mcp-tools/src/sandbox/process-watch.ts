import { readProcess, WATCH_EVERY_MS } from './held-by-process.ts'
import type { SandboxProcess } from './sandbox-process.ts'

export type Stopped = 'timeout' | 'memory' | 'threads' | 'left'

export type WatchLimits = {
  timeoutMs: number
  maxMemoryBytes: number
  /** A program needs about twenty; one that starts more wants the whole machine. */
  maxThreads: number
  signal?: AbortSignal | undefined
}

/** Ends the process at its deadline, beyond its memory or threads, or when the caller leaves; reading its lines ends with it. */
export function watchProcess(process: SandboxProcess, limits: WatchLimits) {
  let stopped: Stopped | undefined
  const stop = (reason: Stopped) => {
    stopped ??= reason
    process.kill()
  }
  const deadline = setTimeout(() => stop('timeout'), limits.timeoutMs)
  const watchdog = setInterval(async () => {
    const seen = process.pid === undefined ? undefined : await readProcess(process.pid)
    if (seen && seen.memory > limits.maxMemoryBytes) stop('memory')
    if (seen && seen.threads > limits.maxThreads) stop('threads')
  }, WATCH_EVERY_MS)
  const leave = () => stop('left')
  limits.signal?.addEventListener('abort', leave, { once: true })
  if (limits.signal?.aborted) leave()
  return {
    stopped: () => stopped,
    end: () => {
      clearTimeout(deadline)
      clearInterval(watchdog)
      limits.signal?.removeEventListener('abort', leave)
    },
  }
}

import { rm } from 'node:fs/promises'
import type { Logger } from '@jan/service-kit/logger'
import { findBubblewrap } from './bubblewrap.ts'
import { buildDenoCommand } from './deno-command.ts'
import { ensureSnapshot } from './memory-snapshot.ts'
import type { Language } from './program.ts'
import { SandboxUnavailable } from './sandbox-errors.ts'
import { type SandboxProcess, startSandboxProcess } from './sandbox-process.ts'
import { locateRuntime, type SandboxRuntime } from './sandbox-runtime.ts'

export type ProcessPoolOptions = {
  stateDir: string
  log: Pick<Logger, 'info' | 'warn'>
  /** A folder of wheels that Python programs may import from. */
  wheelsDir?: string | undefined
  /** Processor time a process may use in its whole life, start included. */
  cpuSeconds: number
  /** What a process may write in its whole life. */
  maxBytes: number
  /** Milliseconds that ready processes are kept without being used. */
  warmForMs: number
}

export type ProcessPool = {
  /** A ready process that nobody has used. @throws SandboxUnavailable */
  take(language: Language): Promise<SandboxProcess>
  /** Gets Python processes ready in the background, once Python has been asked for. */
  refill(count: number): void
  /** Resolves when what is to be kept ready is. */
  warmed(): Promise<void>
  close(): Promise<void>
}

/** Python takes a while to start, so some processes wait ready; JavaScript starts in milliseconds and is not kept. */
export function createProcessPool(options: ProcessPoolOptions): ProcessPool {
  const closing = new AbortController()
  const alive = new Set<SandboxProcess>()
  const warm = new Set<Promise<SandboxProcess>>()
  let runtime: SandboxRuntime | undefined
  let bubblewrap: Promise<string | undefined> | undefined
  let snapshot: Promise<string | undefined> | undefined
  let coolDown: NodeJS.Timeout | undefined

  async function start(language: Language): Promise<SandboxProcess> {
    runtime ??= locateRuntime()
    bubblewrap ??= findBubblewrap(runtime, options.log)
    if (language === 'python') snapshot ??= findSnapshot(runtime, options, closing.signal)
    const wall = await bubblewrap
    const snapshotFile = language === 'python' ? await snapshot : undefined
    if (closing.signal.aborted) throw new SandboxUnavailable('The sandbox was closed')
    const { cpuSeconds, maxBytes, wheelsDir } = options
    const command = buildDenoCommand(runtime, language, { snapshotFile, cpuSeconds, wheelsDir, bubblewrap: wall })
    const process = startSandboxProcess(command, maxBytes)
    alive.add(process)
    process.closed.then(() => alive.delete(process))
    const ready = await process.ready
    if (snapshotFile && !ready.snapshot) {
      options.log.warn(
        { snapshotFile },
        'the memory snapshot of the sandbox cannot be loaded; it will be made anew at the next start',
      )
      // Whether it can be removed or not, this pool goes on without it.
      snapshot = rm(snapshotFile, { force: true }).then(
        () => undefined,
        () => undefined,
      )
    }
    return process
  }

  function keepWarm(): void {
    const entry = start('python')
    warm.add(entry)
    const forget = () => warm.delete(entry)
    entry
      .then((process) => process.closed)
      .then(forget, (error: unknown) => {
        forget()
        if (!closing.signal.aborted) options.log.warn({ err: error }, 'a sandbox process could not be kept ready')
      })
  }

  return {
    async take(language) {
      const [entry] = warm
      if (language === 'javascript' || !entry) return start(language)
      warm.delete(entry)
      return entry
    },
    refill(count) {
      if (!snapshot || closing.signal.aborted) return
      while (warm.size < count) keepWarm()
      clearTimeout(coolDown)
      coolDown = setTimeout(() => {
        for (const entry of warm)
          entry.then(
            (process) => process.kill(),
            () => {},
          )
      }, options.warmForMs)
      coolDown.unref()
    },
    async warmed() {
      await Promise.allSettled([...warm])
    },
    async close() {
      closing.abort()
      clearTimeout(coolDown)
      await Promise.all([...alive].map((process) => process.kill()))
      await snapshot
    },
  }
}

async function findSnapshot(
  runtime: SandboxRuntime,
  options: ProcessPoolOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return await ensureSnapshot(runtime, options.stateDir, signal)
  } catch (error) {
    if (!signal.aborted)
      options.log.warn({ err: error }, 'the sandbox starts without a memory snapshot, which takes longer')
    return undefined
  }
}

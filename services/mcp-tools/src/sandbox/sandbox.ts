import type { Logger } from '@jan/service-kit/logger'
import { createTurns } from '../tools/turns.ts'
import { createProcessPool, type Language } from './process-pool.ts'
import { type ProgramOutcome, runProgram } from './run-program.ts'
import { SandboxBusy, SandboxUnavailable } from './sandbox-errors.ts'

export type SandboxOptions = {
  /** Where the memory snapshot is kept. */
  stateDir: string
  /** Programs that run at once, and Python processes that are kept ready (about 185 MB each). */
  poolSize: number
  timeoutMs: number
  /** For each of stdout, stderr, result and error. */
  maxOutputBytes: number
  /** Programs that may wait for their turn. */
  maxQueue: number
  log: Pick<Logger, 'warn'>
  /** Milliseconds that ready processes are kept without being used; ten minutes when absent. */
  warmForMs?: number
}

export type Program = { language: Language; code: string; signal?: AbortSignal | undefined }

export type Sandbox = {
  /**
   * Runs one program in a process of its own. How the program ends is in the outcome, not thrown.
   * @throws SandboxBusy, SandboxUnavailable; the reason of `signal` when that was aborted
   */
  run(program: Program): Promise<ProgramOutcome>
  /** Ends every process. Programs that run have the outcome `killed`, those that wait are refused. */
  close(): Promise<void>
}

/** What a process may hold: Python's 256 MiB of WebAssembly, V8's heap and Deno itself, with room to spare. */
const MAX_MEMORY_BYTES = 640 << 20
const TEN_MINUTES = 600_000

/** Nothing is started before the first program comes. */
export function createSandbox(options: SandboxOptions): Sandbox {
  const { poolSize, timeoutMs, maxOutputBytes, stateDir, log } = options
  const turns = createTurns(poolSize, options.maxQueue, {
    busy: (waiting) => new SandboxBusy(`${waiting} programs are waiting already`),
    closed: () => new SandboxUnavailable('The sandbox is closed'),
  })
  const pool = createProcessPool({
    stateDir,
    log,
    cpuSeconds: Math.max(60, Math.ceil((2 * timeoutMs) / 1000)),
    // Two streams, a result and an error, in JSON that may need many bytes for one, and a frame around each line.
    maxBytes: 64 * maxOutputBytes + (1 << 20),
    warmForMs: options.warmForMs ?? TEN_MINUTES,
  })
  return {
    async run({ language, code, signal }) {
      signal?.throwIfAborted()
      await turns.take(signal)
      try {
        const process = await pool.take(language)
        return await runProgram(process, code, { timeoutMs, maxOutputBytes, maxMemoryBytes: MAX_MEMORY_BYTES, signal })
      } finally {
        turns.give()
        pool.refill(poolSize - turns.taken())
      }
    },
    async close() {
      turns.close()
      await pool.close()
    },
  }
}

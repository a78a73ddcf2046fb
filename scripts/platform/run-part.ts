import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isCached, makeCached } from './cache.ts'
import { type Bench, CannotBeHad, type Part } from './part.ts'
import { runSuite, type SuiteOutcome } from './run-suite.ts'

export type Outcome = SuiteOutcome | { is: 'skipped'; why: string }

/** Of this checkout. */
export const LOGS = join(import.meta.dirname, '../../.jan/platform')

export type Conditions = {
  cache: string
  /** Where each part gets a folder for what its processes say; not in the cache, which other checkouts use, too. */
  logs: string
  /** Aborted by Ctrl-C. */
  signal: AbortSignal
  /** Milliseconds that are left; Infinity without a budget. */
  leftMs: () => number
}

/** Gets a part, starts it, runs its suite and stops it. A part that cannot be had is skipped, one that breaks has failed. */
export async function runPart(part: Part, conditions: Conditions): Promise<Outcome> {
  try {
    return await withPart(part, conditions, (bench, env) => runSuite(bench, part.suite, env))
  } catch (thrown) {
    const error = thrown as Error
    if (error instanceof CannotBeHad) return { is: 'skipped', why: error.message }
    return { is: 'failed', error, passed: 0, failed: 1 }
  }
}

/** A part that is running; disposing of it stops it. `env` holds the variables by which suites find it. */
export type RunningPart = AsyncDisposable & { bench: Bench; env: Record<string, string> }

/**
 * Has a part running while it is used.
 * @throws CannotBeHad, or Error when it cannot be made or does not start
 */
export async function withPart<T>(
  part: Part,
  conditions: Conditions,
  use: (bench: Bench, env: Record<string, string>) => Promise<T>,
): Promise<T> {
  await using running = await openPart(part, conditions)
  return await use(running.bench, running.env)
}

/** @throws as `withPart` */
export async function openPart(part: Part, { cache, logs: allLogs, signal, leftMs }: Conditions): Promise<RunningPart> {
  part.check?.()
  const logs = join(allLogs, part.name)
  rmSync(logs, { recursive: true, force: true })
  mkdirSync(logs, { recursive: true })
  const work = mkdtempSync(join(tmpdir(), `jan-${part.name}-`))
  // Servers that refuse to run as root run as somebody who must be able to enter.
  chmodSync(work, 0o755)
  const bench: Bench = { cache, work, logs, signal, running: [] }
  const stop = async () => {
    for (const stopOne of bench.running.reverse()) await stopOne()
    rmSync(work, { recursive: true, force: true })
  }
  try {
    await makeMissing(part, bench, leftMs())
    return { bench, env: await part.start(bench), [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function makeMissing(part: Part, bench: Bench, leftMs: number): Promise<void> {
  const missing = part.needs.filter((ingredient) => !isCached(bench, ingredient))
  // A part that fetches nothing has no cache to be quick by.
  if (missing.length === 0 && part.needs.length > 0) return
  const minutes = missing.reduce((sum, ingredient) => sum + ingredient.minutes, part.minutes)
  const noTime = new CannotBeHad(`no time: it takes ${Math.ceil(minutes)} minutes`)
  if (minutes * 60_000 > leftMs) throw noTime
  const timeUp = leftMs === Infinity ? [] : [AbortSignal.timeout(leftMs)]
  const signal = AbortSignal.any([bench.signal, ...timeUp])
  for (const ingredient of missing)
    await makeCached({ ...bench, signal }, ingredient).catch((error: Error) => {
      // An estimate can be too low for a slower machine.
      throw timeUp[0]?.aborted ? noTime : error
    })
}

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Part } from './parts.ts'

/**
 * Room in MB for what lives for one request only: collected half as often, it is dead by then, and little of it gets
 * old. What does is collected when it has grown by a fifth: memory stays flat, where it would double by default.
 */
const HEAP = ['--max-semi-space-size=32', '--heap-growing-percent=20']

/** A request passes through many small functions: V8 may join more of them into one, which saves a twelfth of its cost. */
const INLINING = [
  '--max-inlined-bytecode-size=1000',
  '--max-inlined-bytecode-size-cumulative=4000',
  '--max-maglev-inline-depth=3',
  '--max-maglev-inlined-bytecode-size-cumulative=3000',
]

/** Tells a child that its parent is gone, however it went: see die-with-parent.ts. */
const PRELOADS = [
  '--import',
  new URL('./die-with-parent.ts', import.meta.url).href,
  '--import',
  '@jan/service-kit/telemetry',
]

export type ChildOptions = { part: Part; url: string; logFile: string; env: NodeJS.ProcessEnv; cwd: string }

/** Starts a part; its output is appended to its log file. */
export function startChild({ part, logFile, env, cwd }: ChildOptions): ChildProcess {
  mkdirSync(dirname(logFile), { recursive: true, mode: 0o700 })
  const log = openSync(logFile, 'a')
  const child = spawn(process.execPath, [...HEAP, ...INLINING, ...PRELOADS, part.script], {
    cwd,
    env: { ...env, ...part.env },
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  })
  closeSync(log)
  return child
}

/** Waits until the part answers 200. @throws Error with the last lines of its log when it ends or stays silent */
export async function untilReady(child: ChildProcess, { part, url, logFile }: ChildOptions): Promise<void> {
  for (const deadline = Date.now() + (part.readyMs ?? 30_000); ; ) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`${part.name} ended at start: ${lastWords(logFile)}`)
    if (await answers(`${url}${part.readyPath}`)) return
    if (Date.now() > deadline) throw new Error(`${part.name} does not get ready: ${lastWords(logFile)}`)
    await new Promise((done) => setTimeout(done, 60))
  }
}

export async function answers(url: string, ms = 2000): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ms) })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}

/** What the part said at last: its error without the stack, if it ended with one. */
function lastWords(logFile: string): string {
  const lines = readFileSync(logFile, 'utf8').trim().split('\n')
  const thrown = lines.findLastIndex((line) => /^\w*Error(?: \[\w+\])?: /.test(line))
  const said = thrown < 0 ? lines.slice(-8) : lines.slice(thrown).slice(0, 12)
  const end = said.findIndex((line) => /^ {4}at /.test(line))
  return `${said.slice(0, end < 0 ? undefined : end).join('\n')}\n(all of it: ${logFile})`
}

/** SIGTERM, and SIGKILL when it takes longer than `ms`. */
export async function stopChild(child: ChildProcess, ms: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise<void>((done) => child.once('exit', () => done()))
  child.kill('SIGTERM')
  const hard = setTimeout(() => child.kill('SIGKILL'), ms)
  await gone
  clearTimeout(hard)
}

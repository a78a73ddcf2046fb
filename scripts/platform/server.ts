import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { endGroup } from './command.ts'
import { type Bench, Broken } from './part.ts'

export type ServerOptions = {
  /** Names the log. */
  label: string
  command: string
  args: string[]
  /** The server's whole environment, besides PATH and HOME. */
  env?: Record<string, string>
  uid?: number
  gid?: number
  stopSignal?: NodeJS.Signals
  /** A URL that answers 2xx, or words of its log. */
  ready: { url: string } | { says: string }
}

/** Long, because a machine that builds other things meanwhile is slow. */
const READY_MS = 300_000
const STOP_MS = 20_000

/**
 * Starts a server that runs until the bench is cleared, and waits until it is ready.
 * @throws Broken
 */
export async function serve(bench: Bench, options: ServerOptions): Promise<void> {
  const { label, command, args, env, stopSignal = 'SIGTERM', ready, ...account } = options
  bench.signal.throwIfAborted()
  const log = join(bench.logs, `${label}.log`)
  const output = openSync(log, 'w')
  const { PATH, HOME } = process.env
  const child = spawn(command, args, {
    ...account,
    cwd: bench.work,
    env: { PATH, HOME, ...env },
    stdio: ['ignore', output, output],
    // A group of its own: Ctrl-C reaches the runner alone, which stops things in order.
    detached: true,
  })
  closeSync(output)
  let ended: string | undefined
  const gone = new Promise<string>((done) => {
    child.once('error', ({ message }) => done(message))
    child.once('exit', (code, signal) => done(`it ended with ${code ?? signal}`))
  }).then((how) => {
    ended = how
  })
  bench.running.push(async () => {
    endGroup(child.pid, stopSignal)
    await Promise.race([gone, wait(STOP_MS, undefined, { ref: false })])
    // Also what it started and left.
    endGroup(child.pid, 'SIGKILL')
    await gone
  })
  for (const deadline = Date.now() + READY_MS; !(await isReady(ready, log)); await wait(100)) {
    bench.signal.throwIfAborted()
    if (ended) throw new Broken(`${label} did not start: ${ended}`, log)
    if (Date.now() > deadline) throw new Broken(`${label} does not get ready`, log)
  }
}

async function isReady(ready: ServerOptions['ready'], log: string): Promise<boolean> {
  if ('says' in ready) return readFileSync(log, 'utf8').includes(ready.says)
  return fetch(ready.url, { signal: AbortSignal.timeout(5_000) }).then(
    ({ ok }) => ok,
    () => false,
  )
}

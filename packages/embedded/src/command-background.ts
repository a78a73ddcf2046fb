import { spawn } from 'node:child_process'
import { lstatSync, mkdirSync, openSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { banner } from './banner.ts'
import { statusTable } from './command-status.ts'
import { heedInterrupts } from './interrupted.ts'
import type { Layout } from './layout.ts'
import { prepareLocalModel } from './local-model.ts'
import { MODEL_READY_MS } from './parts.ts'
import { untilGone } from './processes.ts'
import { readRunning } from './run-file.ts'
import { endLeftovers, logFileOf } from './supervisor.ts'

const START_MS = 120_000
const STOP_MS = 60_000

/** Starts the platform as a process of its own and returns when all of it is ready. @throws Error with what the supervisor said */
export async function startInBackground(layout: Layout, env: NodeJS.ProcessEnv): Promise<void> {
  const already = readRunning(layout)
  if (already) return console.log(`The platform already runs (pid ${already.pid}).`)
  await launch(layout, env, heedInterrupts())
  console.log(await statusTable(layout))
  console.log(`\nReady. ${banner(layout, env)}\nmake stop ends it.`)
}

/** @throws Error when it does not get ready, Interrupted when told to end before: then nothing of it runs any more */
export async function launch(layout: Layout, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<void> {
  // Here, where whoever waits is told of it.
  await prepareLocalModel(layout, env, { tell: (line) => console.log(line), signal })
  const startMs = START_MS + (env.JAN_MODEL_GGUF ? MODEL_READY_MS : 0)
  const logFile = logFileOf(layout, 'supervisor')
  mkdirSync(dirname(logFile), { recursive: true, mode: 0o700 })
  const log = openSync(logFile, 'w')
  const child = spawn(process.execPath, [join(import.meta.dirname, 'cli.ts'), 'start'], {
    cwd: layout.root,
    env,
    detached: true,
    stdio: ['ignore', log, log],
  })
  child.unref()
  for (const deadline = Date.now() + startMs; ; ) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(readFileSync(logFile, 'utf8').trim())
    if (readRunning(layout)?.state === 'ready') return
    if (Date.now() > deadline) throw new Error(`The platform does not get ready; see ${logFile}`)
    if (signal.aborted) {
      child.kill('SIGTERM')
      await untilGone(child.pid!, STOP_MS)
      throw signal.reason
    }
    await new Promise((done) => setTimeout(done, 100))
  }
}

/** Ends a running platform in order. */
export async function stopBackground(layout: Layout): Promise<void> {
  const running = readRunning(layout)
  if (!running) {
    const hadLeftovers = await endLeftovers(layout)
    return console.log(hadLeftovers ? 'Stopped what a killed platform had left behind.' : 'The platform does not run.')
  }
  process.kill(running.pid, 'SIGTERM')
  if (!(await untilGone(running.pid, STOP_MS))) throw new Error(`The supervisor (pid ${running.pid}) does not end`)
  console.log('Stopped.')
}

/** Ends the platform and removes everything it kept. */
export async function reset(layout: Layout): Promise<void> {
  await stopBackground(layout)
  const data = join(layout.stateDir, 'postgres')
  // Root's data may lie outside a closed home folder, behind a link: see postgres.ts.
  if (lstatSync(data, { throwIfNoEntry: false })?.isSymbolicLink())
    rmSync(dirname(readlinkSync(data)), { recursive: true, force: true })
  rmSync(layout.stateDir, { recursive: true, force: true })
  console.log(`Removed ${layout.stateDir}.`)
}

import { fork } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Port, readLayout } from '@jan/embedded/layout'
import { readRunning } from '@jan/embedded/run-file'
import { readSecrets, type Secrets } from '@jan/embedded/secrets'
import type { Bench } from './scenario.ts'

export type BenchPlatform = { url(part: Port): string; pid(part: Port): number; secrets: Secrets }

const PORT_OFFSET = '9000'
/** High enough never to be met: the limiter does its work, and nobody is refused. */
const NEVER_MET = '1000000000'

/**
 * The whole platform as `make start` starts it, with data of its own, on ports of its own, in processes of its own.
 * `variables` are all it is told besides; it logs at info, as JSON, into files.
 * @throws Error when it ends instead of getting ready
 */
export async function startBenchPlatform(
  { cleanup, signal }: Pick<Bench, 'cleanup' | 'signal'>,
  variables: Record<string, string>,
): Promise<BenchPlatform> {
  const stateDir = mkdtempSync(join(tmpdir(), 'jan-bench-'))
  // Root's PostgreSQL runs as nobody, who must be able to enter.
  chmodSync(stateDir, 0o755)
  const place = { JAN_PORT_OFFSET: PORT_OFFSET, JAN_STATE_DIR: stateDir }
  const layout = readLayout(place)
  const module = (name: string) => import.meta.resolve(`@jan/embedded/${name}`)
  const child = fork(fileURLToPath(module('cli')), ['start'], {
    // It stops in order also when this process is killed.
    execArgv: ['--import', module('die-with-parent')],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { PATH: process.env.PATH, ...place, REQUESTS_PER_MINUTE: NEVER_MET, GUEST_LIMIT_PER_HOUR: '0', ...variables },
  })
  const exited = new Promise<void>((done) => child.once('exit', () => done()))
  cleanup.defer(async () => {
    child.kill('SIGTERM')
    await exited
    rmSync(stateDir, { recursive: true, force: true })
  })
  let running = readRunning(layout)
  while (running?.state !== 'ready') {
    signal.throwIfAborted()
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('the platform did not get ready')
    await new Promise((done) => setTimeout(done, 100))
    running = readRunning(layout)
  }
  const { children } = running
  return {
    url: (part) => `http://127.0.0.1:${layout.ports[part]}`,
    pid: (part) => children[part]!,
    secrets: readSecrets(stateDir),
  }
}

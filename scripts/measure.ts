/**
 * Prints how long the platform takes and what it weighs; asserts nothing.
 * `node scripts/measure.ts` measures a clean clone with an empty npm cache; `--here` this checkout, as it is installed.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'

const here = process.argv.includes('--here')
const folder = here ? process.cwd() : mkdtempSync(join(tmpdir(), 'jan-measure-'))
if (!here) chmodSync(folder, 0o755)
const env = {
  ...process.env,
  JAN_PORT_OFFSET: '14000',
  ...(here ? {} : { npm_config_cache: join(folder, 'npm-cache') }),
}
const checkout = here ? folder : join(folder, 'jan-server')

function make(target: string): number {
  const began = performance.now()
  const { status, stdout } = spawnSync('make', [target], {
    cwd: checkout,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) throw new Error(`make ${target} ended with ${status}:\n${stdout}`)
  return (performance.now() - began) / 1000
}

const row = (what: string, value: string) => console.log(`${what.padEnd(52)} ${value}`)
const seconds = (value: number) => `${value.toFixed(1)} s`

/** Memory of the supervisor and everything below it, in MB: PSS, so that shared pages count once. */
function memory(): { total: number; processes: number } {
  const { pid } = JSON.parse(readFileSync(join(checkout, '.jan/offset-14000/run.json'), 'utf8')) as { pid: number }
  const parents = new Map(globSync('/proc/[0-9]*/stat').flatMap(parentOf))
  const isMine = (process: number | undefined): boolean =>
    process === pid || (process !== undefined && process > 1 && isMine(parents.get(process)))
  const mine = [...parents.keys()].filter(isMine)
  const kilobytes = mine.map((each) =>
    Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${each}/smaps_rollup`, 'utf8'))?.[1]),
  )
  return { total: kilobytes.reduce((sum, each) => sum + each, 0) / 1024, processes: mine.length }
}

/** `[[pid, parent's pid]]` of `/proc/<pid>/stat`; nothing when the process has just ended. */
function parentOf(file: string): [number, number][] {
  try {
    const [, pid, parent] = /^(\d+) \(.*\) \S (\d+)/s.exec(readFileSync(file, 'utf8')) ?? []
    return [[Number(pid), Number(parent)]]
  } catch {
    return []
  }
}

row('machine', `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`)
try {
  if (!here) {
    execFileSync('git', ['clone', '-q', process.cwd(), checkout])
    const began = performance.now()
    make('install')
    const installed = (performance.now() - began) / 1000
    const first = make('demo')
    row('first make demo, empty npm cache', seconds(installed + first))
    row('  of which after the install', seconds(first))
  }
  row('make demo, everything installed', seconds(make('demo')))
  make('reset')
  row('make start-bg to all ready, first data', seconds(make('start-bg')))
  make('stop')
  row('make start-bg to all ready, data there', seconds(make('start-bg')))
  await new Promise((done) => setTimeout(done, 10_000))
  const { total, processes } = memory()
  row('idle memory of everything (PSS)', `${total.toFixed(0)} MB in ${processes} processes`)
  row('make stop', seconds(make('stop')))
} finally {
  spawnSync('make', ['reset'], { cwd: checkout, env, stdio: 'ignore' })
  if (!here) rmSync(folder, { recursive: true, force: true })
}

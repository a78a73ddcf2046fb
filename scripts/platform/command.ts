import { spawn } from 'node:child_process'
import { accessSync, closeSync, constants, openSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { type Bench, Broken, CannotBeHad } from './part.ts'

export type CommandOptions = {
  /** Names the log. */
  label: string
  cwd?: string
  env?: Record<string, string>
  uid?: number
  gid?: number
  /** It asks a registry: a failure says that the part cannot be had here, not that it is broken. */
  isFetch?: boolean
  /** Others work on this machine too: what is fetched and built gets out of their way (15). */
  niceness?: number
}

const hasCommand = (name: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(resolve(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** @throws CannotBeHad naming the first that is missing */
export function requireCommands(...names: string[]): void {
  const missing = names.find((name) => !hasCommand(name))
  if (missing) throw new CannotBeHad(`no ${missing} on this machine`)
}

/**
 * Runs a command to its end, its output in a log of its own.
 * @throws CannotBeHad, or Broken
 */
export async function run(bench: Bench, command: string, args: string[], options: CommandOptions): Promise<void> {
  const { label, env, isFetch, niceness = 15, ...where } = options
  requireCommands(command)
  bench.signal.throwIfAborted()
  const log = join(bench.logs, `${label}.log`)
  const output = openSync(log, 'w')
  const child = spawn('nice', ['-n', String(niceness), command, ...args], {
    ...where,
    env: { ...process.env, ...env },
    stdio: ['ignore', output, output],
    detached: true,
  })
  closeSync(output)
  const end = () => endGroup(child.pid, 'SIGKILL')
  bench.signal.addEventListener('abort', end)
  try {
    const code = await new Promise((done, fail) => child.once('error', fail).once('exit', done))
    bench.signal.throwIfAborted()
    if (code === 0) return
    if (isFetch) throw new CannotBeHad(`${label} failed (${log})`)
    throw new Broken(`${label} ended with ${code}`, log)
  } finally {
    bench.signal.removeEventListener('abort', end)
  }
}

/** A command and all it started, which may be gone already. */
export function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid) process.kill(-pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

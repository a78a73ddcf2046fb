import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Layout } from './layout.ts'
import { isAlive } from './processes.ts'

/** What the running supervisor tells other commands. */
export type Running = { pid: number; state: 'starting' | 'ready'; children: Record<string, number> }

const fileOf = (layout: Layout) => join(layout.stateDir, 'run.json')

export function writeRunning(layout: Layout, running: Running): void {
  mkdirSync(dirname(fileOf(layout)), { recursive: true })
  writeFileSync(`${fileOf(layout)}.new`, JSON.stringify(running))
  renameSync(`${fileOf(layout)}.new`, fileOf(layout))
}

/** The supervisor that runs now, or undefined. A file left by one that was killed does not count. */
export function readRunning(layout: Layout): Running | undefined {
  const left = readLeft(layout)
  return left && isAlive(left.pid, 'cli.ts') ? left : undefined
}

/** Children of a supervisor that was killed and that still run, by name. */
export function readOrphans(layout: Layout): [name: string, pid: number][] {
  const left = readLeft(layout)
  if (!left || isAlive(left.pid, 'cli.ts')) return []
  return Object.entries(left.children).filter(([, pid]) => isAlive(pid, layout.root))
}

export const forgetRunning = (layout: Layout) => rmSync(fileOf(layout), { force: true })

function readLeft(layout: Layout): Running | undefined {
  if (!existsSync(fileOf(layout))) return undefined
  try {
    return JSON.parse(readFileSync(fileOf(layout), 'utf8')) as Running
  } catch {
    return undefined
  }
}

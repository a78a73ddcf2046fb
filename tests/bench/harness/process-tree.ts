import { readdirSync, readFileSync } from 'node:fs'

/** Linux tells CPU time in ticks of 10 ms, whatever the kernel's own clock (USER_HZ). */
const TICK_US = 10_000

type Process = { pid: number; parent: number; ticks: number }

/**
 * CPU time in µs that a process and all its descendants have used so far. Descendants that ended and were waited for
 * count too: the system adds their time to their parent's.
 * @throws Error when the process does not run
 */
export const cpuOf = (pid: number): number => TICK_US * treeOf(pid).reduce((sum, { ticks }) => sum + ticks, 0)

/**
 * Memory in bytes of a process and all its descendants; pages that several share count once among them (PSS).
 * Undefined when the system does not tell, as for processes of another user.
 */
export function memoryOf(pid: number): number | undefined {
  try {
    return 1024 * treeOf(pid).reduce((sum, each) => sum + kilobytesOf(each.pid), 0)
  } catch {
    return undefined
  }
}

/** @throws Error when the process does not run */
export function requireRunning(pid: number): void {
  treeOf(pid)
}

function treeOf(root: number): Process[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap(readProcess)
  const found = all.filter(({ pid }) => pid === root)
  if (found.length === 0) throw new Error(`there is no process ${root}`)
  for (const { pid } of found) found.push(...all.filter(({ parent }) => parent === pid))
  return found
}

/** Nothing for one that has just ended. */
function readProcess(name: string): Process[] {
  try {
    const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
    // The second field is the command in parentheses, and may hold anything; what is numbered counts from the third.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [utime, stime, ofEndedUser, ofEndedSystem] = fields.slice(11, 15).map(Number)
    return [{ pid: Number(name), parent: Number(fields[1]), ticks: utime! + stime! + ofEndedUser! + ofEndedSystem! }]
  } catch {
    return []
  }
}

function kilobytesOf(pid: number): number {
  const [, pss] = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? []
  if (pss === undefined) throw new Error(`no memory is told of process ${pid}`)
  return Number(pss)
}

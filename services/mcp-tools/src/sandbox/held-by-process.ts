import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { platform } from 'node:process'

/** How often it is affordable to ask: reading /proc costs microseconds, elsewhere `ps` must be started. */
export const WATCH_EVERY_MS = platform === 'linux' ? 25 : 250

/** What a process and its children hold: bytes of physical memory, and threads (0 where the system does not tell). */
export type Held = { memory: number; threads: number }

/** Undefined when the process is gone or the system tells nothing (Windows). */
export function readProcess(pid: number): Promise<Held | undefined> {
  return platform === 'linux' ? fromProc(pid) : fromPs(pid)
}

/** With its children: bubblewrap is two processes around the one that counts. */
async function fromProc(pid: number): Promise<Held | undefined> {
  const [status, children] = await Promise.all([
    readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''),
    readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => ''),
  ])
  const memory = numberIn(/VmRSS:\s*(\d+)/, status)
  if (memory === undefined) return undefined
  const held = { memory: memory * 1024, threads: numberIn(/Threads:\s*(\d+)/, status) ?? 0 }
  for (const child of children.split(' ').filter(Boolean)) {
    const more = await fromProc(Number(child))
    held.memory += more?.memory ?? 0
    held.threads += more?.threads ?? 0
  }
  return held
}

const fromPs = (pid: number): Promise<Held | undefined> =>
  new Promise((resolve) => {
    if (platform === 'win32') return resolve(undefined)
    execFile('ps', ['-o', 'rss=', '-p', String(pid)], (error, stdout) => {
      const memory = error ? undefined : numberIn(/(\d+)/, stdout)
      resolve(memory === undefined ? undefined : { memory: memory * 1024, threads: 0 })
    })
  })

const numberIn = (pattern: RegExp, text: string): number | undefined => {
  const [, digits] = pattern.exec(text) ?? []
  return digits === undefined ? undefined : Number(digits)
}

import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { platform } from 'node:process'

/** How often it is affordable to ask: reading /proc costs microseconds, elsewhere `ps` must be started. */
export const WATCH_EVERY_MS = platform === 'linux' ? 25 : 250

/** Bytes of physical memory a process holds; undefined when it is gone or the system does not tell (Windows). */
export async function residentMemory(pid: number): Promise<number | undefined> {
  const text = platform === 'linux' ? await fromProc(pid) : await fromPs(pid)
  const kibibytes = Number(/(\d+)/.exec(text ?? '')?.[1])
  return Number.isNaN(kibibytes) ? undefined : kibibytes * 1024
}

const fromProc = async (pid: number): Promise<string | undefined> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return /VmRSS:\s*(\d+)/.exec(status)?.[1]
}

const fromPs = (pid: number): Promise<string | undefined> =>
  new Promise((resolve) => {
    if (platform === 'win32') return resolve(undefined)
    execFile('ps', ['-o', 'rss=', '-p', String(pid)], (error, stdout) => resolve(error ? undefined : stdout))
  })

import { readFileSync } from 'node:fs'

/** True when the process runs (a zombie does not) and, where the system tells, its command line holds `word`. */
export function isAlive(pid: number, word = ''): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  try {
    const isZombie = /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return !isZombie && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(word)
  } catch {
    return process.platform !== 'linux'
  }
}

/** Waits until the process has ended; false when it is still there after `ms`. */
export async function untilGone(pid: number, ms: number): Promise<boolean> {
  for (const deadline = Date.now() + ms; Date.now() < deadline; ) {
    if (!isAlive(pid)) return true
    await new Promise((done) => setTimeout(done, 50))
  }
  return !isAlive(pid)
}

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Runs something. @returns what the process held at most meanwhile, in MiB of resident memory, looked at ten times a second */
export async function peakDuring(pid: number, act: () => Promise<void>): Promise<number> {
  let peak = 0
  const look = async () => {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)])
    peak = Math.max(peak, Number(stdout) / 1024)
  }
  const watch = setInterval(() => void look(), 100)
  try {
    await act()
    await look()
    return peak
  } finally {
    clearInterval(watch)
  }
}

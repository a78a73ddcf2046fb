import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

/** How often it may be asked: reading a file of the kernel costs nothing, starting `ps` does. */
export const WATCH_EVERY_MS = process.platform === 'linux' ? 25 : 250

/** Bytes of memory that a process holds, buffers outside its heap included; 0 when it is gone or nobody tells. */
export async function residentMemory(pid: number): Promise<number> {
  try {
    const text =
      process.platform === 'linux'
        ? /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]
        : (await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)])).stdout
    return Number(text ?? 0) * 1024
  } catch {
    return 0
  }
}

import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { getuid } from 'node:process'
import { buildDenoCommand } from './deno-command.ts'
import type { SandboxRuntime } from './sandbox-runtime.ts'

const MAKE_MS = 60_000
const MAX_BYTES = 128 << 20

/**
 * The file of a Python that has started already (31 MB; loading it takes 0.3 s instead of 2). Made once per directory
 * and version, by the same locked-down process that runs programs: it may write no file, so its output is the snapshot.
 * @throws Error when it cannot be made or kept; a sandbox works without it, slower
 */
export async function ensureSnapshot(runtime: SandboxRuntime, stateDir: string, signal: AbortSignal): Promise<string> {
  const file = join(stateDir, `${runtime.versions}.snapshot`)
  if (await isOwnFile(file)) return file
  await mkdir(stateDir, { recursive: true, mode: 0o700 })
  const draft = `${file}.${randomUUID()}`
  try {
    await writeFile(draft, await makeSnapshot(runtime, signal), { mode: 0o600 })
    // Another process may do the same: each renames a whole file, the last one stays.
    await rename(draft, file)
  } finally {
    await rm(draft, { force: true })
  }
  return file
}

/** Whether a file of this user's is there: what another one put into a shared folder is neither readable nor to be trusted. */
export async function isOwnFile(path: string, user = getuid?.()): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() === true && (user === undefined || found.uid === user)
}

async function makeSnapshot(runtime: SandboxRuntime, signal: AbortSignal): Promise<Buffer> {
  const { file, args, env } = buildDenoCommand(runtime, 'snapshot', { cpuSeconds: 120 })
  const child = spawn(file, args, {
    cwd: '/',
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
    signal: AbortSignal.any([signal, AbortSignal.timeout(MAKE_MS)]),
    killSignal: 'SIGKILL',
  })
  const exit = new Promise<number | null>((resolve, reject) => child.once('close', resolve).once('error', reject))
  const chunks: Buffer[] = []
  let total = 0
  child.stdout.on('data', (chunk: Buffer) => {
    total += chunk.length
    if (total <= MAX_BYTES) chunks.push(chunk)
  })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-2_000)
  })
  const code = await exit
  if (code !== 0 || total === 0 || total > MAX_BYTES)
    throw new Error(`Deno gave no snapshot (exit code ${code}, ${total} bytes): ${complaint}`)
  return Buffer.concat(chunks)
}

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import type { DenoCommand } from './deno-command.ts'
import { SandboxUnavailable } from './sandbox-errors.ts'

/** One Deno process, from its start to its end. It runs one program at most. */
export type SandboxProcess = {
  pid: number | undefined
  /** Resolves when a program may be sent. @throws SandboxUnavailable */
  ready: Promise<{ snapshot: boolean }>
  /** What it writes after that, line by line, until it ends or has written more than `maxBytes`. Readable once. */
  lines: AsyncIterable<string>
  send(line: string): void
  /** The last of what Deno itself had to say. */
  complaint(): string
  /** As it ended; null while it runs, and when a signal ended it. */
  exitCode(): number | null
  /** Resolves, never rejects, when the process is gone. */
  closed: Promise<void>
  kill(): Promise<void>
}

const BOOT_MS = 30_000
const COMPLAINT_LENGTH = 2_000

type Child = ChildProcessByStdio<Writable, Readable, Readable>

export function startSandboxProcess(command: DenoCommand, maxBytes: number): SandboxProcess {
  const child = spawn(command.file, command.args, { cwd: '/', env: command.env, stdio: ['pipe', 'pipe', 'pipe'] })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-COMPLAINT_LENGTH)
  })
  // A process that is gone makes writing fail; what happened is told by its end.
  child.stdin.on('error', () => {})
  const closed = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', (error) => {
      complaint += error.message
      resolve()
    })
  })
  const kill = () => {
    child.kill('SIGKILL')
    return closed
  }
  const lines = readLines(child.stdout, maxBytes)
  const ready = awaitReady(child, lines, () => complaint)
  // A warm process may die while nobody waits for it; whoever takes it asks `ready` again.
  ready.catch(kill)
  return {
    pid: child.pid,
    ready,
    lines,
    send: (line) => child.stdin.write(`${line}\n`),
    complaint: () => complaint,
    exitCode: () => child.exitCode,
    closed,
    kill,
  }
}

async function awaitReady(
  child: Child,
  lines: AsyncIterator<string>,
  complaint: () => string,
): Promise<{ snapshot: boolean }> {
  const timer = setTimeout(() => child.kill('SIGKILL'), BOOT_MS)
  try {
    const first = await lines.next()
    if (!first.done && first.value.startsWith('ready '))
      return JSON.parse(first.value.slice(6)) as { snapshot: boolean }
  } finally {
    clearTimeout(timer)
  }
  throw new SandboxUnavailable('The sandbox does not start', { cause: new Error(complaint()) })
}

async function* readLines(stream: Readable, maxBytes: number): AsyncGenerator<string, void> {
  let total = 0
  let pending = ''
  for await (const chunk of stream.setEncoding('utf8') as AsyncIterable<string>) {
    total += chunk.length
    if (total > maxBytes) return
    pending += chunk
    if (!chunk.includes('\n')) continue
    const lines = pending.split('\n')
    pending = lines.pop() ?? ''
    yield* lines
  }
}

import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { createCappedText } from './capped-text.ts'
import { residentMemory, WATCH_EVERY_MS } from './resident-memory.ts'
import type { SandboxProcess } from './sandbox-process.ts'

export type ExitReason = 'ok' | 'error' | 'timeout' | 'memory' | 'killed'

export type ProgramOutcome = {
  stdout: string
  stderr: string
  /** The last expression's value as text; null when it has none. */
  result: string | null
  /** Why there is no result: the program's own exception as text, or how it was ended. */
  error: string | null
  /** Something was longer than `maxOutputBytes` and was cut. */
  truncated: boolean
  durationMs: number
  exitReason: ExitReason
}

export type RunLimits = {
  timeoutMs: number
  /** For each of stdout, stderr, result and error. */
  maxOutputBytes: number
  maxMemoryBytes: number
  signal?: AbortSignal | undefined
}

const answerShape = z.strictObject({ result: z.string().nullable(), error: z.string().nullable() })

/** What the runner says. It shares a process with the program, so nothing of it is believed before it was measured. */
const messageShape = z.union([
  z.strictObject({ stdout: z.string() }),
  z.strictObject({ stderr: z.string() }),
  answerShape,
])

type Message = z.infer<typeof messageShape>
type Ending = { answer?: z.infer<typeof answerShape>; stopped?: 'timeout' | 'memory' | 'left'; complaint: string }

/**
 * Runs one program in a ready process and ends that process, whatever happens.
 * @throws the reason of `signal` when that was aborted
 */
export async function runProgram(process: SandboxProcess, code: string, limits: RunLimits): Promise<ProgramOutcome> {
  const startedAt = performance.now()
  const nonce = randomBytes(16).toString('base64url')
  const texts = Array.from({ length: 4 }, () => createCappedText(limits.maxOutputBytes))
  const [stdout, stderr, result, error] = texts as [Capped, Capped, Capped, Capped]
  const guard = watch(process, limits)
  let answer: Ending['answer']
  try {
    process.send(JSON.stringify({ nonce, code, maxOutputBytes: limits.maxOutputBytes }))
    for await (const line of process.lines) {
      const message = readMessage(line, nonce)
      if (!message) continue
      if ('stdout' in message) stdout.add(message.stdout)
      else if ('stderr' in message) stderr.add(message.stderr)
      else answer = message
      if (answer) break
    }
  } finally {
    guard.end()
    await process.kill()
  }
  if (guard.stopped() === 'left') throw limits.signal?.reason
  const ending = describeEnding({ answer, stopped: guard.stopped(), complaint: process.complaint() }, limits)
  result.add(answer?.result ?? '')
  error.add(ending.error ?? '')
  return {
    stdout: stdout.text(),
    stderr: stderr.text(),
    result: typeof answer?.result === 'string' ? result.text() : null,
    error: ending.error === null ? null : error.text(),
    truncated: texts.some((text) => text.truncated()),
    durationMs: Math.round(performance.now() - startedAt),
    exitReason: ending.exitReason,
  }
}

type Capped = ReturnType<typeof createCappedText>

function readMessage(line: string, nonce: string): Message | undefined {
  if (!line.startsWith(nonce)) return undefined
  try {
    return messageShape.safeParse(JSON.parse(line.slice(nonce.length))).data
  } catch {
    return undefined
  }
}

/** Ends the process at its deadline, beyond its memory, or when the caller leaves; reading its lines ends with it. */
function watch(process: SandboxProcess, { timeoutMs, maxMemoryBytes, signal }: RunLimits) {
  let stopped: Ending['stopped']
  const stop = (reason: typeof stopped) => {
    stopped ??= reason
    process.kill()
  }
  const deadline = setTimeout(() => stop('timeout'), timeoutMs)
  const watchdog = setInterval(async () => {
    const held = process.pid === undefined ? undefined : await residentMemory(process.pid)
    if (held !== undefined && held > maxMemoryBytes) stop('memory')
  }, WATCH_EVERY_MS)
  const leave = () => stop('left')
  signal?.addEventListener('abort', leave, { once: true })
  if (signal?.aborted) leave()
  return {
    stopped: () => stopped,
    end: () => {
      clearTimeout(deadline)
      clearInterval(watchdog)
      signal?.removeEventListener('abort', leave)
    },
  }
}

const OUT_OF_MEMORY = /out of memory|heap limit|allocation failed/i

function describeEnding(ending: Ending, { timeoutMs }: RunLimits): { error: string | null; exitReason: ExitReason } {
  const { answer, stopped, complaint } = ending
  if (answer) return { error: answer.error, exitReason: answer.error === null ? 'ok' : 'error' }
  if (stopped === 'timeout')
    return { error: `The program was stopped after ${timeoutMs / 1000} s`, exitReason: 'timeout' }
  if (stopped === 'memory' || OUT_OF_MEMORY.test(complaint))
    return { error: 'The program was stopped because it used too much memory', exitReason: 'memory' }
  return { error: 'The program ended its process before it had a result', exitReason: 'killed' }
}

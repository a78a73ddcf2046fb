import { z } from 'zod'
import { createCappedText } from './capped-text.ts'
import { createFileIntake } from './file-intake.ts'
import type { ExitReason, FileLimits, ProgramOutcome } from './program.ts'

const text = z.string().nullish()
const step = z
  .object({
    status: text,
    execution_time: z.number().nullish(),
    return_code: z.int().nullish(),
    stdout: text,
    stderr: text,
  })
  .nullish()
/** What SandboxFusion says of a run. */
export const fusionAnswer = z.object({
  status: z.string(),
  message: text,
  compile_result: step,
  run_result: step,
  files: z.record(z.string(), z.string()).nullish(),
})
export type FusionAnswer = z.infer<typeof fusionAnswer>

const REASONS: Record<string, ExitReason> = { Success: 'ok', Failed: 'error', SandboxError: 'killed' }

/** Its answer as an outcome. `waitedMs` stands in for a time that it does not tell. */
export function presentAnswer(
  answer: FusionAnswer,
  options: FileLimits & { maxOutputBytes: number },
  waitedMs: number,
): ProgramOutcome {
  const { status, message, compile_result: compiled, run_result: run } = answer
  const isLate = [compiled, run].some((each) => each?.status === 'TimeLimitExceeded')
  const exitReason = isLate ? 'timeout' : (REASONS[status] ?? 'error')
  const [stdout, stderr, error, compiler] = [run?.stdout, run?.stderr, message, compiledText(compiled)].map((part) => {
    const capped = createCappedText(options.maxOutputBytes)
    capped.add(part ?? '')
    return capped
  }) as [Capped, Capped, Capped, Capped]
  const intake = createFileIntake(options)
  for (const [name, data] of Object.entries(answer.files ?? {})) intake.add(name, Buffer.from(data, 'base64'))
  return {
    ...ended(exitReason, exitReason === 'ok' ? null : error.text() || failureText(exitReason, run?.return_code), 0),
    stdout: stdout.text(),
    stderr: stderr.text(),
    truncated: [stdout, stderr, error, compiler].some((each) => each.truncated()),
    stdoutTruncated: stdout.truncated(),
    stderrTruncated: stderr.truncated(),
    durationMs: typeof run?.execution_time === 'number' ? Math.trunc(run.execution_time * 1000) : waitedMs,
    exitCode: run?.return_code ?? compiled?.return_code ?? null,
    compileOutput: compiler.text() || null,
    files: intake.files(),
    leftFiles: intake.leftFiles(),
  }
}

type Capped = ReturnType<typeof createCappedText>

const compiledText = (compiled: FusionAnswer['compile_result']) =>
  [compiled?.stdout, compiled?.stderr].filter(Boolean).join('\n')

function failureText(reason: ExitReason, code: number | null | undefined): string {
  if (reason === 'timeout') return 'The program was stopped because it took too long'
  return typeof code === 'number' ? `The program ended with exit code ${code}` : 'The program failed'
}

/** An outcome without output. */
export const ended = (exitReason: ExitReason, error: string | null, durationMs: number): ProgramOutcome => ({
  ...{ stdout: '', stderr: '', result: null, error, durationMs, exitReason, exitCode: null, compileOutput: null },
  ...{ truncated: false, stdoutTruncated: false, stderrTruncated: false, files: [], leftFiles: [] },
})

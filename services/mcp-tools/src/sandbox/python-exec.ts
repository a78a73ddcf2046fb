import type { ToolCall, ToolDeps } from '../tools/tool.ts'
import { bringFiles } from './bring-files.ts'
import { type KeptFile, keepFiles } from './keep-files.ts'
import type { ProgramOutcome } from './program.ts'
import type { PythonExecInput, PythonExecOutput } from './python-exec.schema.ts'

export type RunOfProgram = { output: PythonExecOutput; kept: KeptFile[]; left: ProgramOutcome['leftFiles'] }

/**
 * Runs a program somebody gave us, with files of theirs, and stores what it writes. A program that fails is an answer,
 * not an exception.
 * @throws SandboxBusy, SandboxUnavailable; AppError for files that cannot be brought; the reason of `call.signal` when that was aborted
 */
export async function pythonExec(
  deps: Pick<ToolDeps, 'sandbox' | 'mediaApi'>,
  call: Pick<ToolCall, 'caller' | 'requestId' | 'signal' | 'log'>,
  { code, language, files: wanted = [] }: PythonExecInput,
): Promise<RunOfProgram> {
  const named = wanted.map((file) => (typeof file === 'string' ? { id: file } : file))
  const files = await bringFiles(deps, call, named)
  const outcome = await deps.sandbox.run({ code, language, files, signal: call.signal })
  const kept = await keepFiles(deps, call, outcome.files)
  return { output: presentOutcome(outcome, kept), kept, left: outcome.leftFiles }
}

const TOO_MUCH = 'Too many files, or too large'

function presentOutcome(outcome: ProgramOutcome, kept: KeptFile[]): PythonExecOutput {
  return {
    stdout: outcome.stdout,
    stderr: outcome.stderr,
    result: outcome.result,
    error: outcome.error,
    status: statusOf(outcome),
    exit_reason: outcome.exitReason,
    exit_code: outcome.exitCode,
    compile_output: outcome.compileOutput,
    truncated: outcome.truncated,
    stdout_truncated: outcome.stdoutTruncated,
    stderr_truncated: outcome.stderrTruncated,
    duration_ms: outcome.durationMs,
    session_id: null,
    artifacts: kept.flatMap((each) => ('artifact' in each ? [each.artifact] : [])),
    files_not_stored: [
      ...kept.flatMap((each) => ('notKept' in each ? [each.notKept] : [])),
      ...outcome.leftFiles.map((file) => ({ ...file, reason: TOO_MUCH })),
    ],
  }
}

function statusOf({ exitReason }: ProgramOutcome): PythonExecOutput['status'] {
  if (exitReason === 'ok') return 'success'
  return exitReason === 'error' ? 'failed' : 'stopped'
}

import type { PythonExecInput, PythonExecOutput } from './python-exec.schema.ts'
import type { Sandbox } from './sandbox.ts'

/**
 * Runs a program somebody gave us. A program that fails is an answer, not an exception.
 * @throws SandboxBusy, SandboxUnavailable; the reason of `signal` when that was aborted
 */
export async function pythonExec(
  { sandbox }: { sandbox: Pick<Sandbox, 'run'> },
  { code, language }: PythonExecInput,
  signal: AbortSignal,
): Promise<PythonExecOutput> {
  const outcome = await sandbox.run({ code, language, signal })
  return {
    stdout: outcome.stdout,
    stderr: outcome.stderr,
    result: outcome.result,
    error: outcome.error,
    truncated: outcome.truncated,
    duration_ms: outcome.durationMs,
    exit_reason: outcome.exitReason,
    session_id: null,
    artifacts: [],
  }
}

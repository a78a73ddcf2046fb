import { AppError, unavailable } from '@jan/service-kit/errors'
import {
  type PythonExecInput,
  type PythonExecOutput,
  pythonExecInput,
  pythonExecOutput,
} from '../sandbox/python-exec.schema.ts'
import { pythonExec } from '../sandbox/python-exec.ts'
import { SandboxBusy, SandboxUnavailable } from '../sandbox/sandbox-errors.ts'
import { audienceOf, defineTool, type ToolCall, type ToolDeps } from './tool.ts'

// A model must not approve its own program, nor believe that it can.
const serviceInput = pythonExecInput.omit({ approved: true, session_id: true })
const annotations = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false }

export const pythonExecTool = defineTool({
  name: 'python_exec',
  title: 'Run a program',
  description:
    'Runs a Python or JavaScript program and returns what it prints and the value of its last expression. ' +
    'Use it to compute, to check, or to work through data that stands in the program. ' +
    'It has no network and no files, and keeps nothing between runs.',
  input: pythonExecInput,
  serviceInput,
  output: pythonExecOutput,
  annotations,
  timeoutMs: 45_000,
  run: (deps, call, input) => runProgram(deps, call, input),
})

export const jsExecTool = defineTool({
  name: 'js_exec',
  title: 'Run a JavaScript program',
  description: 'The same as python_exec with language javascript.',
  input: pythonExecInput.omit({ language: true }),
  serviceInput: serviceInput.omit({ language: true }),
  output: pythonExecOutput,
  annotations,
  timeoutMs: 45_000,
  run: (deps, call, input) => runProgram(deps, call, { ...input, language: 'javascript' }),
})

async function runProgram(
  deps: Pick<ToolDeps, 'sandbox' | 'sandboxNeedsApproval'>,
  call: ToolCall,
  input: PythonExecInput,
) {
  if (deps.sandboxNeedsApproval) requireApproval(call, input)
  try {
    const structured = await pythonExec(deps, input, call.signal)
    return { text: presentRun(structured), structured, ...failureOf(structured) }
  } catch (error) {
    if (error instanceof SandboxBusy)
      throw unavailable('The sandbox is busy with other programs; try again soon', error)
    if (error instanceof SandboxUnavailable) throw unavailable('The sandbox cannot run programs right now', error)
    throw error
  }
}

function requireApproval(call: ToolCall, { approved }: PythonExecInput): void {
  if (audienceOf(call.caller) === 'service')
    throw new AppError('forbidden', 'The operator wants a person to approve each program, and nobody was asked')
  if (!approved)
    throw new AppError(
      'forbidden',
      'The operator wants a person to approve each program: call again with approved: true',
    )
}

/** A program that was ended for us is a failed call; one that raised is an answer. */
function failureOf({ exit_reason }: PythonExecOutput) {
  if (exit_reason === 'timeout') return { failure: 'upstream_timeout' as const }
  return exit_reason === 'memory' || exit_reason === 'killed' ? { failure: 'upstream_failed' as const } : {}
}

function presentRun({ stdout, stderr, result, error, truncated }: PythonExecOutput): string {
  const parts = [
    stdout.trimEnd(),
    stderr && `stderr:\n${stderr.trimEnd()}`,
    result !== null && `result: ${result}`,
    error?.trimEnd(),
    truncated && '(output was cut)',
  ].filter(Boolean)
  return parts.length > 0 ? parts.join('\n') : '(the program printed nothing)'
}

import { AppError, unavailable } from '@jan/service-kit/errors'
import { describeFiles, presentFiles } from '../sandbox/present-files.ts'
import {
  type PythonExecInput,
  type PythonExecOutput,
  pythonExecInput,
  pythonExecOutput,
} from '../sandbox/python-exec.schema.ts'
import { pythonExec, type RunOfProgram } from '../sandbox/python-exec.ts'
import { SandboxBusy, SandboxUnavailable } from '../sandbox/sandbox-errors.ts'
import { audienceOf, defineTool, type ToolCall, type ToolDeps } from './tool.ts'

// What a model says through a service is taken by its name or not at all.
const serviceInput = pythonExecInput.omit({ session_id: true }).strip()
// What a program writes is stored for its caller; equal bytes are stored once, so that it may well be run again.
const annotations = { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false }

/** The line (90 s at most), the program (30 s unless the operator says otherwise), and its files. */
const TIMEOUT_MS = 180_000

export const pythonExecTool = defineTool({
  name: 'python_exec',
  title: 'Run a program',
  description:
    'Runs a Python or JavaScript program and returns what it prints and the value of its last expression. ' +
    'Use it to compute, to check, or to work through data and files. Files that you name lie in its working folder; ' +
    'files that it writes there (csv, json, png, txt …) are stored and come back with their ids. JavaScript reads and ' +
    'writes them by readFile(name), readBytes(name) and writeFile(name, content). ' +
    'There is no network, and nothing is kept between runs.',
  input: pythonExecInput,
  serviceInput,
  output: pythonExecOutput,
  annotations,
  timeoutMs: TIMEOUT_MS,
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
  timeoutMs: TIMEOUT_MS,
  run: (deps, call, input) => runProgram(deps, call, { ...input, language: 'javascript' }),
})

async function runProgram(
  deps: Pick<ToolDeps, 'sandbox' | 'sandboxNeedsApproval' | 'mediaApi'>,
  call: ToolCall,
  input: PythonExecInput & { approved?: unknown },
) {
  if (deps.sandboxNeedsApproval && !call.approved) requireApproval(call, input)
  try {
    const run = await pythonExec(deps, call, input)
    const { output } = run
    return { text: presentRun(run), structured: output, content: presentFiles(run.kept), ...failureOf(output) }
  } catch (error) {
    if (error instanceof SandboxBusy)
      throw unavailable('The sandbox is busy with other programs; try again soon', error)
    if (error instanceof SandboxUnavailable) throw unavailable('The sandbox cannot run programs right now', error)
    throw error
  }
}

/**
 * `approved: true` is the word of a person's own client. It stands in no schema and in no text that a model reads, and
 * from a service, where a model chose the arguments, it is nothing.
 */
function requireApproval(call: ToolCall, { approved }: { approved?: unknown }): void {
  if (audienceOf(call.caller) === 'service')
    throw new AppError('forbidden', 'The operator wants a person to approve each program, and nobody was asked')
  if (approved !== true)
    throw new AppError('forbidden', 'The operator wants a person to approve each program, and this client asked nobody')
}

/** A program that was ended for us is a failed call; one that raised is an answer. */
function failureOf({ exit_reason }: PythonExecOutput) {
  if (exit_reason === 'timeout') return { failure: 'upstream_timeout' as const }
  return exit_reason === 'memory' || exit_reason === 'killed' ? { failure: 'upstream_failed' as const } : {}
}

function presentRun({ output, kept, left }: RunOfProgram): string {
  const { stdout, stderr, result, error, truncated, compile_output, exit_code } = output
  const parts = [
    stdout.trimEnd(),
    stderr && `stderr:\n${stderr.trimEnd()}`,
    compile_output && `compiler:\n${compile_output.trimEnd()}`,
    result !== null && `result: ${result}`,
    error?.trimEnd(),
    exit_code !== null && exit_code > 1 && `exit code ${exit_code}`,
    truncated && '(output was cut)',
    ...describeFiles(kept, left),
  ].filter(Boolean)
  return parts.length > 0 ? parts.join('\n') : '(the program printed nothing)'
}

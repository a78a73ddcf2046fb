import { AppError, ERRORS, type ErrorCode, toAppError } from '@jan/service-kit/errors'
import { type CallToolResult, ProtocolError } from '@modelcontextprotocol/server'
import type { z } from 'zod'
import { toolCalled } from '../events.ts'
import { RPC } from '../mcp/json-rpc.ts'
import { audienceOf, type Tool, type ToolAnswer, type ToolCall, type ToolDeps } from './tool.ts'

/** Where a failed result says which JSON-RPC code the failure would have had as an error. */
const CODE_KEY = 'jan/code'

/**
 * Runs one tool. What a model can mend or must know of (arguments that do not fit, a failure, a time-out) is a result
 * with `isError`, not an error: MCP clients show results to the model and keep errors for themselves.
 * @throws ProtocolError −32602 for a tool that does not exist; the reason of `call.signal` when that was aborted
 */
export async function callTool(
  deps: ToolDeps,
  call: ToolCall,
  { name, input }: { name: string; input: unknown },
): Promise<CallToolResult> {
  const tool = deps.tools.get(name)
  if (!tool) throw new ProtocolError(RPC.invalidParams, `Unknown tool: ${name}`)
  const started = performance.now()
  const report = (outcome: Parameters<typeof toolCalled>[1]['outcome']) =>
    toolCalled(call.log, { tool: name, outcome, ms: Math.round(performance.now() - started) })
  const schema = audienceOf(call.caller) === 'service' ? (tool.serviceInput ?? tool.input) : tool.input
  const parsed = schema.safeParse(input)
  if (!parsed.success) {
    report('refused')
    return failed(`Invalid arguments for ${name}: ${describeIssues(parsed.error)}`, RPC.invalidParams)
  }
  try {
    const { text, structured, failure } = await runInTime(tool, deps, call, parsed.data)
    report(failure ? outcomeOf(failure) : 'ok')
    const result = failure ? failed(text, codeOf(failure)) : { content: [{ type: 'text' as const, text }] }
    return { ...result, structuredContent: structured }
  } catch (error) {
    if (call.signal.aborted) {
      report('cancelled')
      throw error
    }
    const known = toAppError(error)
    report(outcomeOf(known.code))
    if (known.extra.cause !== undefined)
      call.log[ERRORS[known.code].log]({ err: known.extra.cause, tool: name }, 'tool failed')
    return presentFailure(name, known)
  }
}

/** A tool that does not listen to its signal is left behind at the end of its time. */
async function runInTime(tool: Tool, deps: ToolDeps, call: ToolCall, input: unknown): Promise<ToolAnswer> {
  const clock = new AbortController()
  const timer = setTimeout(
    () => clock.abort(new AppError('upstream_timeout', `${tool.name} took longer than ${tool.timeoutMs / 1000} s`)),
    tool.timeoutMs,
  )
  const signal = AbortSignal.any([call.signal, clock.signal])
  const ended = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  try {
    signal.throwIfAborted()
    const run = async () => tool.run(deps, { ...call, signal }, input)
    return await Promise.race([run(), ended])
  } catch (error) {
    // Whatever a tool makes of its aborted signal: the reason is that its time is over.
    throw clock.signal.aborted ? clock.signal.reason : error
  } finally {
    clearTimeout(timer)
  }
}

function presentFailure(name: string, error: AppError): CallToolResult {
  if (error.code === 'internal') return failed(`${name} failed because of an internal error`, RPC.internalError)
  return failed(error.message, codeOf(error.code))
}

const outcomeOf = (code: ErrorCode) => (code === 'upstream_timeout' ? 'timeout' : 'failed')

/** The codes that MCP's users of old knew: −32000 for a time-out, −32602 for what they sent, −32603 for the rest. */
function codeOf(code: ErrorCode): number {
  if (code === 'upstream_timeout') return RPC.serverError
  return code === 'invalid_request' ? RPC.invalidParams : RPC.internalError
}

const failed = (text: string, code: number): CallToolResult => ({
  content: [{ type: 'text', text }],
  isError: true,
  _meta: { [CODE_KEY]: code },
})

const describeIssues = ({ issues }: z.ZodError) =>
  issues.map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message)).join('; ')

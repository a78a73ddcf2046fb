import { unavailable } from '@jan/service-kit/errors'
import type { CallToolResult } from '@modelcontextprotocol/server'
import type { ToolCall } from '../tools/tool.ts'
import type { ServerConnection } from './connect-server.client.ts'
import type { TakenTool } from './judge-tools.ts'
import type { CallServer } from './offer-tool.ts'
import { throttleProgress } from './pass-result.ts'
import { callFailure, isOutOfReach, isSessionLost, needsLogin } from './server-errors.ts'
import type { ServerHttp } from './server-http.client.ts'
import type { ServerSpec } from './server-spec.ts'

/** How a call reaches its server, and what it tells of the server's health. */
export type Line = {
  http: ServerHttp
  spec: ServerSpec
  maxBytes: number
  connection(): ServerConnection | undefined
  /** It may be away: somebody should look. */
  doubt(): void
  /** It is away. */
  fail(error: unknown): Promise<void>
  connect(): Promise<void>
}

/** Calls a server's tool. What its answer may cost is bounded while it is read. */
export const createCallServer =
  (line: Line): CallServer =>
  async (tool, call, args) => {
    const { spec } = line
    const tell = (error: unknown) => {
      if (isOutOfReach(error)) line.doubt()
      if (needsLogin(error)) void line.fail(error)
      return callFailure(spec.name, error)
    }
    try {
      return await callOnce(line, { tool, call, args })
    } catch (error) {
      if (call.signal.aborted) throw call.signal.reason
      // It forgot who we are, so it did nothing: greeted anew, it may be asked again.
      if (!isSessionLost(error)) throw tell(error)
      await line.fail(error)
      await line.connect()
      return await callOnce(line, { tool, call, args }).catch((again) => {
        throw tell(again)
      })
    }
  }

type Calling = { tool: TakenTool; call: ToolCall; args: Record<string, unknown> }

async function callOnce({ http, spec, maxBytes, connection }: Line, calling: Calling): Promise<CallToolResult> {
  const { tool, call, args } = calling
  const reached = connection()
  if (!reached) throw unavailable(`${spec.name} is not reachable right now`)
  const over = new AbortController()
  const ended = new Promise<never>((_resolve, reject) => {
    over.signal.addEventListener('abort', () => reject(over.signal.reason), { once: true })
  })
  ended.catch(() => undefined)
  const { definition } = tool
  const options = {
    signal: AbortSignal.any([call.signal, over.signal]),
    // The caller's own clock ends it; this one is for what that leaves behind.
    timeoutMs: spec.timeoutMs + 1_000,
    onProgress: throttleProgress(call.progress),
  }
  const budget = { bytes: maxBytes, fail: (error: Error) => over.abort(error) }
  const done = http.within(budget, () => reached.call({ name: definition.name, args, definition }, options))
  done.catch(() => undefined)
  return Promise.race([done, ended])
}

import { json } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { serve } from '@jan/testkit/serve'
import { startFront } from './front.ts'
import { TOOL } from './tool-model.ts'

export type ToolServer = {
  url: string
  /** By call id: the run it was made for, and how often it was executed. */
  ledger: ReadonlyMap<string, { run: string; times: number }>
  [Symbol.asyncDispose](): Promise<void>
}

type Rpc = { id: unknown; method: string; params: { arguments: { run: string; call: string } } }

const EXECUTION_MS = 40
const TEXT = { type: 'string' }
const TOOLS = [
  {
    name: TOOL,
    description: 'Writes a call down, once for every time it is made',
    inputSchema: { type: 'object', properties: { run: TEXT, call: TEXT }, required: ['run', 'call'] },
    annotations: { readOnlyHint: false, idempotentHint: false, destructiveHint: false, openWorldHint: false },
  },
]

/** Stands for mcp-tools: one tool that must not be called twice, and a ledger of its executions. */
export async function startToolServer(): Promise<ToolServer> {
  const ledger = new Map<string, { run: string; times: number }>()
  const served = await serve(async (request, response) => {
    if (request.url === '/healthz') return void response.end('{}')
    const { id, method, params } = (await json(request)) as Rpc
    const reply = (result: object) =>
      void response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id, result }))
    if (method === 'tools/list') return reply({ tools: TOOLS })
    const { run, call } = params.arguments
    ledger.set(call, { run, times: (ledger.get(call)?.times ?? 0) + 1 })
    await pause(EXECUTION_MS)
    reply({ content: [{ type: 'text', text: recorded(call) }] })
  })
  return { url: served.url, ledger, [Symbol.asyncDispose]: served.close }
}

/** What an execution answers. */
export const recorded = (call: string) => `recorded ${call}`

/** A door that now and then sends a call twice. */
export function plantDuplicateCall(target: string) {
  let calls = 0
  return startFront(target, async ({ body }, handOn) => {
    const isCall = body.includes('"tools/call"')
    if (isCall) calls += 1
    if (isCall && calls % 10 === 0) await handOn()
    return handOn()
  })
}

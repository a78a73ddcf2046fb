import { json } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { serve } from '@jan/testkit/serve'
import { startFront } from './front.ts'
import { type Call, TOOL } from './tool-model.ts'

export type ToolServer = {
  url: string
  /** How often each call was executed, by its name: by what a client wanted, not by what the service made of it. */
  ledger: ReadonlyMap<string, number>
  [Symbol.asyncDispose](): Promise<void>
}

type Rpc = { id: unknown; method: string; params: { arguments: Call } }

const EXECUTION_MS = 40
const TOOLS = [
  {
    name: TOOL,
    description: 'Writes a call down, once for every time it is made',
    inputSchema: {
      type: 'object',
      properties: { task: { type: 'string' }, number: { type: 'integer' } },
      required: ['task', 'number'],
    },
    annotations: { readOnlyHint: false, idempotentHint: false, destructiveHint: false, openWorldHint: false },
  },
]

/** Stands for mcp-tools: one tool that must not be called twice, and a ledger of its executions. */
export async function startToolServer(): Promise<ToolServer> {
  const ledger = new Map<string, number>()
  const served = await serve(async (request, response) => {
    if (request.url === '/healthz') return void response.end('{}')
    const { id, method, params } = (await json(request)) as Rpc
    const reply = (result: object) =>
      void response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id, result }))
    if (method === 'tools/list') return reply({ tools: TOOLS })
    const call = params.arguments
    ledger.set(nameOf(call), (ledger.get(nameOf(call)) ?? 0) + 1)
    await pause(EXECUTION_MS)
    reply({ content: [{ type: 'text', text: recorded(call) }] })
  })
  return { url: served.url, ledger, [Symbol.asyncDispose]: served.close }
}

export const nameOf = ({ task, number }: Call) => `call ${number} of ${task}`

/** What an execution answers. */
export const recorded = (call: Call) => `recorded ${nameOf(call)}`

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

import { serve } from '@jan/testkit/serve'
import { text } from './fake-model.ts'

type Result = { content?: { type: string; [field: string]: unknown }[]; isError?: boolean; structuredContent?: unknown }
type Tool = (args: Record<string, unknown>, gone: AbortSignal) => Promise<Result> | Result
export const said = (output: string): Result => ({ content: [{ type: 'text', text: output }] })

/** mcp-tools as far as a run needs it: tools/list and tools/call over JSON-RPC. */
export async function fakeTools() {
  const state = { running: 0, mostRunning: 0, left: 0, called: [] as string[], headers: [] as unknown[] }
  const tools = new Map<string, Tool>()
  const served = await serve(async (request, response) => {
    if (request.url === '/healthz') return void response.end('{}')
    const gone = new AbortController()
    response.on('close', () => {
      if (response.writableEnded) return
      state.left += 1
      gone.abort()
    })
    const { id, method, params } = JSON.parse(await text(request))
    state.headers.push(request.headers)
    const reply = (value: object) =>
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id, ...value }))
    if (method === 'tools/list') {
      const names = [...tools.keys()]
      // Two pages, to be read both.
      const half = params.cursor ? names.slice(1) : names.slice(0, 1)
      const list = half.map((name) => ({ name, description: `Does ${name}`, inputSchema: { type: 'object' } }))
      return void reply({
        result: { tools: list, ...(params.cursor || names.length < 2 ? {} : { nextCursor: 'more' }) },
      })
    }
    state.called.push(params.name)
    state.running += 1
    state.mostRunning = Math.max(state.mostRunning, state.running)
    try {
      reply({ result: await tools.get(params.name)?.(params.arguments, gone.signal) })
    } catch (error) {
      reply({ error: { code: -32603, message: (error as Error).message } })
    } finally {
      state.running -= 1
    }
  })
  return {
    ...served,
    state,
    /** These are the tools from now on, and none was called yet. */
    offer(offered: Record<string, Tool>) {
      tools.clear()
      for (const [name, tool] of Object.entries(offered)) tools.set(name, tool)
      Object.assign(state, { mostRunning: 0, left: 0, called: [], headers: [] })
    },
  }
}

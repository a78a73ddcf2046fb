import type { LoopTool, Outcome, ToolCall } from '@jan/agent-loop/loop'
import { AppError, unavailable } from '@jan/service-kit/errors'
import { type Peer, peerError } from '@jan/service-kit/http-client'
import { tryParseJson } from '@jan/service-kit/json-body'
import type { Who } from '@jan/service-kit/who'
import { z } from 'zod'
import { describeContent } from './describe-content.ts'

const Reply = z.looseObject({
  result: z.unknown().optional(),
  error: z.looseObject({ code: z.int(), message: z.string() }).optional(),
})

const ToolList = z.looseObject({
  tools: z.array(
    z.looseObject({
      name: z.string(),
      description: z.string().optional(),
      inputSchema: z.record(z.string(), z.unknown()),
      annotations: z
        .looseObject({ readOnlyHint: z.boolean().optional(), idempotentHint: z.boolean().optional() })
        .optional(),
    }),
  ),
  nextCursor: z.string().optional(),
})

const ToolResult = z.looseObject({
  content: z.array(z.looseObject({ type: z.string() })).optional(),
  structuredContent: z.unknown().optional(),
  isError: z.boolean().optional(),
})

/** On whose behalf, and which request it belongs to. */
type Asking = Pick<Who, 'caller' | 'requestId' | 'signal'>

type Params = { name?: string; [field: string]: unknown }

export type ToolsClient = {
  /** All tools this caller may use. @throws AppError `unavailable`: a run must not quietly go without its tools */
  list(who: Asking): Promise<LoopTool[]>
  /** What a tool says is wrong is an outcome; that it cannot be reached is thrown. */
  call(who: Asking, call: ToolCall): Promise<Outcome>
}

const MAX_PAGES = 50

/** Since this revision an HTTP exchange that is broken off cancels its call: a run that stops, stops its tools. */
const REVISION = '2026-07-28'
const ENVELOPE = {
  'io.modelcontextprotocol/protocolVersion': REVISION,
  'io.modelcontextprotocol/clientInfo': { name: 'jan-response-api', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

/** Tools of mcp-tools, which alone decides who may use what. `listMs`: longest time for the whole list. */
export function createToolsClient(mcpTools: Peer, listMs: number): ToolsClient {
  const ask = async ({ caller, requestId, signal }: Asking, method: string, params: Params): Promise<unknown> => {
    const answer = await mcpTools.send({
      method: 'POST',
      path: '/v1/mcp',
      caller,
      requestId,
      signal,
      json: { jsonrpc: '2.0', id: requestId, method, params: { ...params, _meta: ENVELOPE } },
      headers: {
        accept: 'application/json',
        'mcp-protocol-version': REVISION,
        'x-jan-surface': 'responses',
        'mcp-method': method,
        ...(params.name ? { 'mcp-name': params.name } : {}),
      },
    })
    const text = await answer.text()
    const reply = Reply.safeParse(tryParseJson(text))
    if (reply.success && reply.data.error) throw new AppError('upstream_failed', reply.data.error.message)
    if (answer.status !== 200) throw peerError('mcp-tools', answer, text)
    if (!reply.success) throw new AppError('upstream_failed', 'mcp-tools answered with something that is no JSON-RPC')
    return reply.data.result
  }

  const listAll = async (who: Asking): Promise<LoopTool[]> => {
    const tools: LoopTool[] = []
    let cursor: string | undefined
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const list = ToolList.parse(await ask(who, 'tools/list', cursor ? { cursor } : {}))
      for (const { name, description, inputSchema, annotations } of list.tools)
        tools.push({
          name,
          where: 'server',
          repeatable: annotations?.readOnlyHint === true || annotations?.idempotentHint === true,
          ...(description ? { description } : {}),
          parameters: inputSchema,
        })
      cursor = list.nextCursor
      if (!cursor) return tools
    }
    throw new Error(`the list of tools did not end after ${MAX_PAGES} pages`)
  }

  return {
    list: async ({ caller, requestId, signal }) => {
      try {
        return await listAll({ caller, requestId, signal: AbortSignal.any([signal, AbortSignal.timeout(listMs)]) })
      } catch (error) {
        if (signal.aborted) throw signal.reason
        const why = error instanceof AppError ? `: ${error.message}` : ''
        throw unavailable(`The tools cannot be listed right now${why}. Send "tools": [] to go without`, error)
      }
    },
    call: async (who, call) => {
      const parsed = readArguments(call.arguments)
      if ('problem' in parsed) return { status: 'error', output: parsed.problem }
      const result = ToolResult.parse(await ask(who, 'tools/call', { name: call.name, arguments: parsed.value }))
      const output = describeContent(result.content ?? [], result.structuredContent)
      return result.isError ? { status: 'error', output: output || 'The tool failed' } : { status: 'ok', output }
    },
  }
}

/** Models leave the arguments of a tool without parameters empty. */
function readArguments(text: string): { value: object } | { problem: string } {
  if (text.trim() === '') return { value: {} }
  const value = tryParseJson(text)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { value }
  return { problem: 'The arguments are not a JSON object' }
}

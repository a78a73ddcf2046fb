import { IDEMPOTENCY_META_KEY } from '@jan/route-tools/idempotency-meta'
import type { Caller } from '@jan/service-kit/auth'
import { AppError } from '@jan/service-kit/errors'
import { type Peer, peerError } from '@jan/service-kit/http-client'
import { tryParseJson } from '@jan/service-kit/json-body'
import type { CallToolResult } from '@modelcontextprotocol/server'
import { z } from 'zod'

const Reply = z.looseObject({
  result: z.unknown().optional(),
  error: z.looseObject({ code: z.int(), message: z.string() }).optional(),
})

const ObjectSchema = z.looseObject({ type: z.literal('object') })
const Listed = z.object({
  name: z.string(),
  title: z.string().optional(),
  description: z.string(),
  inputSchema: ObjectSchema,
  outputSchema: ObjectSchema.optional(),
  annotations: z.object({
    readOnlyHint: z.boolean(),
    destructiveHint: z.boolean(),
    idempotentHint: z.boolean(),
    openWorldHint: z.boolean(),
  }),
})
const ToolList = z.looseObject({ tools: z.array(Listed) })
/** Of a result only what the tool says: the rest is of this exchange, as `resultType` is. */
const ToolResult = z.object({
  content: z.array(z.looseObject({ type: z.string() })),
  structuredContent: z.looseObject({}).optional(),
  isError: z.boolean().optional(),
  _meta: z.record(z.string(), z.unknown()).optional(),
})

/** An operation of a service as it offers it itself. */
export type ServiceTool = z.output<typeof Listed>

/** For whom a service is asked, and until when. */
export type Asking = { caller: Caller; requestId: string; signal: AbortSignal }

export type ServiceTools = {
  /** What this caller may use there; undefined when it does not serve tools. @throws AppError */
  list(asking: Asking): Promise<ServiceTool[] | undefined>
  /** @throws AppError when it cannot be asked; what it refuses is a result */
  call(asking: Asking, name: string, args: unknown, idempotencyKey?: string): Promise<CallToolResult>
}

/** Since this revision an exchange that is broken off cancels its call. */
const REVISION = '2026-07-28'
const ENVELOPE = {
  'io.modelcontextprotocol/protocolVersion': REVISION,
  'io.modelcontextprotocol/clientInfo': { name: 'jan-mcp-tools', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

/** A service's own tools, at its `/mcp`. Each request carries a fresh token for the caller, never wider than they are. */
export function createServiceTools(service: string, peer: Peer): ServiceTools {
  const ask = async (asking: Asking, method: string, { name, key, ...params }: Params) => {
    const _meta = { ...ENVELOPE, ...(key === undefined ? {} : { [IDEMPOTENCY_META_KEY]: key }) }
    const answer = await peer.send({
      ...asking,
      method: 'POST',
      path: '/mcp',
      json: { jsonrpc: '2.0', id: 1, method, params: { ...params, ...(name === undefined ? {} : { name }), _meta } },
      headers: {
        accept: 'application/json',
        'mcp-protocol-version': REVISION,
        'mcp-method': method,
        ...(name === undefined ? {} : { 'mcp-name': name }),
      },
    })
    const text = await answer.text()
    // Not switched on there.
    if (answer.status === 404) return undefined
    if (answer.status !== 200) throw peerError(service, answer, text)
    const reply = Reply.safeParse(tryParseJson(text)).data
    if (!reply || reply.error) throw new AppError('upstream_failed', reply?.error?.message ?? `${service} failed`)
    return reply.result
  }
  return {
    list: async (asking) => {
      const result = await ask(asking, 'tools/list', {})
      return result === undefined ? undefined : ToolList.parse(result).tools
    },
    call: async (asking, name, args, key) => {
      const result = await ask(asking, 'tools/call', { name, arguments: args, key })
      if (result === undefined) throw new AppError('unavailable', `${service} does not offer its tools right now`)
      return toldByTool(ToolResult.parse(result))
    },
  }
}

/** Without what the service says of itself: whoever asked us is answered by us. */
function toldByTool({ _meta = {}, ...result }: z.output<typeof ToolResult>): CallToolResult {
  const meta = Object.entries(_meta).filter(([name]) => !name.startsWith('io.modelcontextprotocol/'))
  return { ...result, ...(meta.length > 0 ? { _meta: Object.fromEntries(meta) } : {}) } as CallToolResult
}

type Params = { name?: string; arguments?: unknown; key?: string | undefined }

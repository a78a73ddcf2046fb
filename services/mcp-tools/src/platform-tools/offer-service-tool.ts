import type { CallToolResult } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { type OfferedTool, PLATFORM } from '../tools/offered-tool.ts'
import { RESULT_CODE, resultCodeOf } from '../tools/result-code.ts'
import type { ServiceTool, ServiceTools } from './service-tools.client.ts'

const PREFIX = 'jan__'
const TIMEOUT_MS = 30_000

/** An operation of one of our services as a tool of the platform. */
export const offerServiceTool = (service: ServiceTools, tool: ServiceTool): OfferedTool => {
  const { name, title, description, inputSchema, outputSchema, annotations } = tool
  return {
    name: PREFIX + name,
    ...(title === undefined ? {} : { title }),
    description,
    inputSchema,
    ...(outputSchema ? { outputSchema } : {}),
    annotations,
    server: PLATFORM,
    paid: false,
    timeoutMs: TIMEOUT_MS,
    run: async ({ caller, requestId, signal, meta }, args) =>
      withCode(await service.call({ caller, requestId, signal }, name, args, meta.idempotencyKey)),
  }
}

const Refusal = z.looseObject({ 'jan/error': z.looseObject({ code: z.string() }) })

/** A service says what kind of failure it is in words; our clients know numbers as well. */
function withCode(result: CallToolResult): CallToolResult {
  const refusal = result.isError ? Refusal.safeParse(result._meta).data : undefined
  if (!refusal) return result
  const { code } = refusal['jan/error']
  const isKnown = code === 'upstream_timeout' || code === 'invalid_request'
  return { ...result, _meta: { ...result._meta, [RESULT_CODE]: resultCodeOf(isKnown ? code : 'internal') } }
}

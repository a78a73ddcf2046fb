import type { Caller } from '@jan/service-kit/auth'
import type { CallToolResult, InputRequiredResult } from '@modelcontextprotocol/server'
import type { ToolCall } from './tool.ts'

export type JsonObjectSchema = { type: 'object'; [key: string]: unknown }

export type Annotations = {
  readOnlyHint: boolean
  destructiveHint: boolean
  idempotentHint: boolean
  openWorldHint: boolean
}

/** Where tools come from: ours, the platform's own operations, or the name of a bridged server, which is never one of these. */
export const BUILT_IN = 'jan'
export const PLATFORM = 'platform'

/** A tool as somebody may be offered it, wherever it comes from. */
export type OfferedTool = {
  /** Fits `^[A-Za-z0-9_-]{1,64}$`; of a bridged server `<server>__<tool>`, or an alias of that. */
  name: string
  title?: string
  /** For the model that chooses: what it does and when to use it. */
  description: string
  inputSchema: JsonObjectSchema
  /** What a service of ours may send for a model; `inputSchema` when absent. */
  serviceInputSchema?: JsonObjectSchema
  outputSchema?: JsonObjectSchema
  annotations: Annotations
  server: string
  /** A call costs the operator money. */
  paid: boolean
  timeoutMs: number
  /** Checks the arguments itself. May answer with what `call.client.ask` makes. @throws AppError when it fails: its text is shown to the model */
  run(call: ToolCall, args: unknown): Promise<CallToolResult | InputRequiredResult>
}

export type ToolSource = {
  /** What there is for this caller, before the policy, which may exclude whole servers; at once when it is in memory. The same objects every time, as long as nothing changed. */
  tools(
    caller: Caller,
    excludes?: (server: string) => boolean,
  ): readonly OfferedTool[] | Promise<readonly OfferedTool[]>
}

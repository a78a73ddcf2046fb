import { type Attributes, beginSpan } from '@jan/service-kit/span'
import type { Deployment } from '../models/offered-model.ts'
import type { ModelCall, Operation } from './model-call.ts'

/** The span of a call of a model, by OpenTelemetry's conventions for generative AI. */
export type GenAiSpan = {
  served(deployment: Deployment, attempts: number): void
  /** What was sent or came back, as JSON: only of a workspace that has asked for it. */
  payload(kind: 'input' | 'output', json: string): void
  end(row: ModelCall): void
}

export type SpanStart = {
  operation: Operation
  model: { id: string }
  maxTokens?: number | undefined
  stream: boolean
  conversationId?: string | undefined
}

/** The names of the conventions, where they have one. */
const OPERATIONS: Record<Operation, string> = {
  chat: 'chat',
  completion: 'text_completion',
  embedding: 'embeddings',
  image: 'generate_content',
  audio: 'audio',
  rerank: 'rerank',
  moderation: 'moderation',
}

const ERROR = 2

/** Longest payload that a span carries, in characters. */
const MOST_PAYLOAD = 65_536

/** Undefined, and nearly free, unless the request is traced. */
export function startGenAiSpan(call: SpanStart): GenAiSpan | undefined {
  const span = beginSpan(`${OPERATIONS[call.operation]} ${call.model.id}`, () => startAttributes(call))
  if (!span) return undefined
  return {
    served: ({ providerName, kind, modelId }, attempts) => {
      span.setAttributes({
        'gen_ai.provider.name': kind,
        'gen_ai.response.model': modelId,
        'jan.provider': providerName,
        'jan.attempts': attempts,
      })
    },
    payload: (kind, json) => {
      span.setAttribute(`gen_ai.${kind}.messages`, json.slice(0, MOST_PAYLOAD))
    },
    end: (row) => {
      span.setAttributes(endAttributes(row))
      if (row.outcome === 'failed') span.setStatus({ code: ERROR })
      span.end()
    },
  }
}

const startAttributes = ({ operation, model, maxTokens, stream, conversationId }: SpanStart): Attributes => ({
  'gen_ai.operation.name': OPERATIONS[operation],
  'gen_ai.request.model': model.id,
  'gen_ai.request.stream': stream,
  ...(maxTokens === undefined ? {} : { 'gen_ai.request.max_tokens': maxTokens }),
  ...(conversationId === undefined ? {} : { 'gen_ai.conversation.id': conversationId }),
})

const endAttributes = (row: ModelCall): Attributes => ({
  'gen_ai.usage.input_tokens': row.promptTokens,
  'gen_ai.usage.output_tokens': row.completionTokens,
  'gen_ai.usage.cache_read.input_tokens': row.cachedTokens,
  'gen_ai.usage.reasoning.output_tokens': row.reasoningTokens,
  'http.response.status_code': row.status,
  'jan.usage_estimated': row.isEstimated,
  ...(row.firstTokenMs === null ? {} : { 'gen_ai.response.time_to_first_chunk': row.firstTokenMs / 1000 }),
  ...(row.outcome === 'ok' ? {} : { 'error.type': row.outcome === 'cancelled' ? 'cancelled' : String(row.status) }),
})

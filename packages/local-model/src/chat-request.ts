import { z } from 'zod'

const textPart = z.looseObject({ type: z.literal('text'), text: z.string() })
const content = z.union(
  [z.string(), z.array(textPart)],
  'expected text or parts of text: the local model takes nothing else',
)
const toolCall = z.looseObject({
  id: z.string(),
  type: z.literal('function').optional(),
  function: z.looseObject({ name: z.string(), arguments: z.string() }),
})
const message = z.discriminatedUnion('role', [
  z.looseObject({ role: z.enum(['system', 'developer', 'user']), content }),
  z.looseObject({
    role: z.literal('assistant'),
    content: content.nullish(),
    tool_calls: z.array(toolCall).nullish(),
  }),
  z.looseObject({ role: z.literal('tool'), content, tool_call_id: z.string() }),
])

const jsonSchema = z.record(z.string(), z.unknown())
const responseFormat = z.discriminatedUnion('type', [
  z.looseObject({ type: z.enum(['text', 'json_object']) }),
  z.looseObject({
    type: z.literal('json_schema'),
    json_schema: z.looseObject({ name: z.string(), schema: jsonSchema }),
  }),
])
const tool = z.looseObject({
  type: z.literal('function'),
  function: z.looseObject({
    name: z.string().regex(/^[\w-]{1,64}$/, 'expected 1 to 64 letters, digits, _ and -'),
    description: z.string().nullish(),
    parameters: jsonSchema.nullish(),
  }),
})

const penalty = z.number().min(-2).max(2).nullish()
const stop = z.string().min(1).max(1000)

/** What cannot be done is refused; what is not known is ignored. */
export const chatRequestSchema = z.looseObject({
  model: z.string().min(1),
  messages: z.array(message).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(0).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  frequency_penalty: penalty,
  presence_penalty: penalty,
  seed: z.int().nullish(),
  stop: stop.or(z.array(stop).max(4)).nullish(),
  n: z.literal(1, 'the local model gives one choice').nullish(),
  logprobs: z.literal(false, 'the local model gives no logprobs').nullish(),
  logit_bias: z.strictObject({}, 'the local model takes no logit_bias').nullish(),
  response_format: responseFormat.nullish(),
  tools: z.array(tool).max(128).nullish(),
  tool_choice: z.enum(['auto', 'none'], 'the local model takes auto or none').nullish(),
  parallel_tool_calls: z.boolean().nullish(),
})

export type ChatRequest = z.infer<typeof chatRequestSchema>
export type Message = ChatRequest['messages'][number]

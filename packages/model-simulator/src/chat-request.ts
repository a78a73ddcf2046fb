import { z } from 'zod'
import { answerFields } from './answer-fields.ts'
import { nameImage } from './name-image.ts'
import { OpenAiError } from './openai-error.ts'

const part = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('image_url'), image_url: z.object({ url: z.string() }) }),
])
const toolCall = z.object({ id: z.string(), function: z.object({ name: z.string(), arguments: z.string() }) })
const message = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: z.string().or(z.array(part)).nullish(),
  tool_calls: z.array(toolCall).nullish(),
})
const jsonSchema = z.record(z.string(), z.unknown())
const tool = z.object({ function: z.object({ name: z.string(), parameters: jsonSchema.nullish() }) })
const responseFormat = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['text', 'json_object']) }),
  z.object({ type: z.literal('json_schema'), json_schema: z.object({ schema: jsonSchema }) }),
])
const toolChoice = z.enum(['none', 'auto', 'required']).or(z.object({ function: z.object({ name: z.string() }) }))
const chatRequest = z.object({
  ...answerFields,
  messages: z.array(message).min(1),
  tools: z.array(tool).nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: responseFormat.nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
})

/** What the simulator reads of a chat request; whatever else a client sends is ignored. */
export type ChatRequest = z.infer<typeof chatRequest>
export type Message = z.infer<typeof message>

/** Throws 400 for what does not fit, and for images that no model could use, and for a choice of tools without them. */
export function readChatRequest(body: unknown): ChatRequest {
  const request = chatRequest.parse(body)
  request.messages.flatMap(imageUrls).forEach(nameImage)
  if (isForced(request) && choosableTools(request).length === 0)
    throw new OpenAiError(400, 'tool_choice: there is no such tool', { param: 'tool_choice' })
  if (request.top_logprobs && !request.logprobs)
    throw new OpenAiError(400, 'top_logprobs: needs logprobs', { param: 'top_logprobs' })
  return request
}

/** A tool has to be called. */
export const isForced = ({ tool_choice: choice }: ChatRequest): boolean =>
  choice === 'required' || (typeof choice === 'object' && choice !== null)

/** The offered tools that `tool_choice` leaves. */
export function choosableTools({ tools, tool_choice: choice }: ChatRequest) {
  if (typeof choice !== 'object') return choice === 'none' ? [] : (tools ?? [])
  return (tools ?? []).filter((tool) => !choice || tool.function.name === choice.function.name)
}

/** The text of a message, its text parts joined by a line break. */
export function textOf({ content }: Message): string {
  if (typeof content === 'string') return content
  return (content ?? []).flatMap((part) => (part.type === 'text' ? part.text : [])).join('\n')
}

/** The addresses of a message's images. */
export const imageUrls = ({ content }: Message): string[] =>
  Array.isArray(content) ? content.flatMap((part) => (part.type === 'image_url' ? part.image_url.url : [])) : []

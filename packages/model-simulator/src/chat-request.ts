import { z } from 'zod'
import { imageUrls, nameImage } from './name-images.ts'
import { OpenAiError, parseWith } from './openai-error.ts'

const part = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('image_url'), image_url: z.object({ url: z.string() }) }),
  z.object({ type: z.literal('refusal'), refusal: z.string() }),
])
const toolCall = z.object({ id: z.string(), function: z.object({ name: z.string(), arguments: z.string() }) })
const message = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: z.string().or(z.array(part)).nullish(),
  tool_calls: z.array(toolCall).nullish(),
  tool_call_id: z.string().nullish(),
})
const jsonSchema = z.record(z.string(), z.unknown())
const toolName = z.string().regex(/^[\w-]{1,64}$/)
const tool = z.object({
  type: z.literal('function'),
  function: z.object({ name: toolName, parameters: jsonSchema.nullish() }),
})
const plainFormat = z.object({ type: z.enum(['text', 'json_object']) })
const schemaFormat = z.object({ type: z.literal('json_schema'), json_schema: z.object({ schema: jsonSchema }) })
const tokenLimit = z.int().min(1).nullish()
const stopText = z.string().min(1)

const chatRequest = z.object({
  messages: z.array(message).min(1),
  tools: z.array(tool).nullish(),
  tool_choice: z.enum(['none', 'auto', 'required']).or(tool).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: plainFormat.or(schemaFormat).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().optional() }).nullish(),
  max_tokens: tokenLimit,
  max_completion_tokens: tokenLimit,
  stop: stopText.or(z.array(stopText).max(4)).nullish(),
  n: z.literal(1, 'the simulator gives one choice').nullish(),
})

/** What the simulator reads of a chat request; whatever else a client sends is ignored. */
export type ChatRequest = z.infer<typeof chatRequest>
export type Message = z.infer<typeof message>
export type Tool = z.infer<typeof tool>

/** Throws 400 for what OpenAI refuses too. */
export function readChatRequest(body: unknown): ChatRequest {
  const request = parseWith(chatRequest, body)
  const { messages, tools, tool_choice: choice } = request
  const wanted = typeof choice === 'object' ? choice?.function.name : undefined
  const offered = !choice || choice === 'none' || tools?.some((tool) => !wanted || tool.function.name === wanted)
  if (!offered) throw new OpenAiError(400, 'tool_choice asks for a tool that is not in tools.', null, 'tool_choice')
  requireToolAnswers(messages)
  messages.flatMap(imageUrls).forEach(nameImage)
  return request
}

/** Each tool call has one answer, directly after it, and nothing else is answered: real models refuse other histories. */
function requireToolAnswers(messages: Message[]): void {
  const open = new Set<string | null | undefined>()
  for (const { role, tool_call_id: id, tool_calls: calls } of [
    ...messages,
    { role: 'user' } as const satisfies Message,
  ]) {
    const expected = role === 'tool' ? open.delete(id) : open.size === 0
    if (!expected) throw new OpenAiError(400, 'Tool calls and tool messages do not match.', null, 'messages')
    for (const call of calls ?? []) open.add(call.id)
  }
}

/** The text of a message, its text parts joined by a line break. */
export function textOf({ content }: Message): string {
  return typeof content === 'string'
    ? content
    : (content ?? []).flatMap((part) => ('text' in part ? part.text : [])).join('\n')
}

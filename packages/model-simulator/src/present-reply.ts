import type { ChatRequest } from './chat-request.ts'
import { modelId } from './model.ts'
import type { Turn } from './script.ts'

/** `id` stands in every identifier; `created` is in seconds. */
export type ChatCall = { request: ChatRequest; turn: Turn; id: string; created: number }

/** The body of an answer that is not streamed. */
export function presentCompletion(call: ChatCall): string {
  const { head, content, toolCalls, finishReason, usage } = planReply(call)
  const message = { role: 'assistant', content, refusal: null, ...(toolCalls.length > 0 && { tool_calls: toolCalls }) }
  const choices = [{ index: 0, message, logprobs: null, finish_reason: finishReason }]
  return JSON.stringify({ ...head, object: 'chat.completion', choices, usage })
}

/** All events of a stream, `[DONE]` included. The fragments of parallel tool calls come by turns. */
export function presentEvents(call: ChatCall): string[] {
  const { head, content, toolCalls, finishReason, usage } = planReply(call)
  const withUsage = call.request.stream_options?.include_usage
  const event = (choices: object[], usage: object | null) =>
    `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices, ...(withUsage && { usage }) })}\n\n`
  const chunk = (delta: object, finish: string | null = null) =>
    event([{ index: 0, delta, logprobs: null, finish_reason: finish }], null)
  const fragments = toolCalls.map((toolCall, index) => [
    { index, ...toolCall, function: { ...toolCall.function, arguments: '' } },
    ...split(toolCall.function.arguments).map((piece) => ({ index, function: { arguments: piece } })),
  ])
  const rounds = [...Array(Math.max(0, ...fragments.map((list) => list.length))).keys()]
  const interleaved = rounds.flatMap((round) => fragments.flatMap((list) => list[round] ?? []))
  return [
    chunk({ role: 'assistant', content: content === null ? null : '' }),
    ...split(content ?? '').map((piece) => chunk({ content: piece })),
    ...interleaved.map((fragment) => chunk({ tool_calls: [fragment] })),
    chunk({}, finishReason),
    ...(withUsage ? [event([], usage)] : []),
    'data: [DONE]\n\n',
  ]
}

/** Words, the long ones in pieces; no character is cut in two. */
const split = (text: string): string[] => text.match(/\s*\S{1,12}|\s+$/gu) ?? []

function planReply({ request, turn, id, created }: ChatCall) {
  const { text: said = '', tool_calls: calls = [] } = turn
  const text = said.slice(0, 4 * (request.max_completion_tokens ?? request.max_tokens ?? Number.POSITIVE_INFINITY))
  const toolCalls = calls.map(({ name, arguments: args }, index) => ({
    id: `call_${id}_${index}`,
    type: 'function',
    function: { name, arguments: typeof args === 'string' ? args : JSON.stringify(args) },
  }))
  // An image costs nothing: its data would outweigh every text.
  const withoutImages = (key: string, value: unknown) => (key === 'image_url' ? undefined : value)
  const prompt = countTokens(JSON.stringify([request.messages, request.tools], withoutImages))
  const called = toolCalls.map((call) => call.function.name + call.function.arguments)
  const completion = countTokens(text + called.join(''))
  return {
    head: { id: `chatcmpl-${id}`, created, model: modelId },
    content: text || calls.length === 0 ? text : null,
    toolCalls,
    finishReason: turn.finish_reason ?? (text < said ? 'length' : calls.length > 0 ? 'tool_calls' : 'stop'),
    usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
  }
}

/** A token is 4 characters; a begun one counts. */
const countTokens = (text: string) => Math.ceil(text.length / 4)

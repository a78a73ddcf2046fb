import type { ChatCall } from './answer-chat.ts'
import type { ChatRequest } from './chat-request.ts'
import { modelId } from './model.ts'

/** The body of an answer that is not streamed. */
export function presentCompletion(call: ChatCall): string {
  const { content, toolCalls, finishReason, usage } = planReply(call)
  const message = { role: 'assistant', content, refusal: null, ...(toolCalls.length > 0 && { tool_calls: toolCalls }) }
  const choices = [{ index: 0, message, logprobs: null, finish_reason: finishReason }]
  return JSON.stringify({ ...head(call, 'chat.completion'), choices, usage })
}

/** All events of a stream, `[DONE]` included. The fragments of parallel tool calls come by turns. */
export function presentEvents(call: ChatCall): string[] {
  const { content, toolCalls, finishReason, usage } = planReply(call)
  const withUsage = call.request.stream_options?.include_usage
  const event = (choices: object[], usage: object | null) =>
    `data: ${JSON.stringify({ ...head(call, 'chat.completion.chunk'), choices, ...(withUsage && { usage }) })}\n\n`
  const chunk = (delta: object, finish: string | null = null) =>
    event([{ index: 0, delta, logprobs: null, finish_reason: finish }], null)

  const fragments = toolCalls.map((toolCall, index) => [
    { index, ...toolCall, function: { ...toolCall.function, arguments: '' } },
    ...split(toolCall.function.arguments).map((piece) => ({ index, function: { arguments: piece } })),
  ])
  const rounds = [...Array(Math.max(0, ...fragments.map((list) => list.length))).keys()]
  const interleaved = rounds.flatMap((round) => fragments.flatMap((list) => list[round] ?? []))
  return [
    chunk({ role: 'assistant', content: content === null ? null : '', refusal: null }),
    ...split(content ?? '').map((piece) => chunk({ content: piece })),
    ...interleaved.map((fragment) => chunk({ tool_calls: [fragment] })),
    chunk({}, finishReason),
    ...(withUsage ? [event([], usage)] : []),
    'data: [DONE]\n\n',
  ]
}

const head = ({ id, created }: ChatCall, object: string) => ({ id: `chatcmpl-${id}`, object, created, model: modelId })

/** Words, the long ones in pieces; no character is cut in two. */
const split = (text: string): string[] => text.match(/\s*\S{1,12}|\s+$/gu) ?? []

/** The turn under the request's token limit. */
function planReply({ request, turn, id }: ChatCall) {
  const { text = '', tool_calls: calls = [] } = turn
  const limit = request.max_completion_tokens ?? request.max_tokens ?? Number.POSITIVE_INFINITY
  const kept = text.slice(0, limit * charactersPerToken)
  const toolCalls = calls.map(({ name, arguments: args }, index) => ({
    id: `call_${id}_${index}`,
    type: 'function',
    function: { name, arguments: typeof args === 'string' ? args : JSON.stringify(args) },
  }))
  const natural = kept.length < text.length ? 'length' : calls.length > 0 ? 'tool_calls' : 'stop'
  const called = toolCalls.map((call) => call.function.name + call.function.arguments).join('')
  return {
    content: kept || calls.length === 0 ? kept : null,
    toolCalls,
    finishReason: turn.finish_reason ?? natural,
    usage: countTokens(request, kept + called),
  }
}

const charactersPerToken = 4

/** The prompt is the serialised messages and tools, without images. A begun token counts. */
function countTokens({ messages, tools }: ChatRequest, answer: string) {
  const prompt = JSON.stringify([messages, tools], (key, value) => (key === 'image_url' ? undefined : value))
  const prompt_tokens = Math.ceil(prompt.length / charactersPerToken)
  const completion_tokens = Math.ceil(answer.length / charactersPerToken)
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
}

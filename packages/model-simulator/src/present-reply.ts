import type { ChatCall } from './answer-chat.ts'
import type { ChatRequest } from './chat-request.ts'
import { modelId } from './model.ts'
import { imageUrls } from './name-images.ts'

/** The body of an answer that is not streamed. */
export function presentCompletion(call: ChatCall): string {
  const { content, reasoning, toolCalls, finishReason, usage } = planReply(call)
  const message = {
    role: 'assistant',
    content,
    refusal: null,
    ...(reasoning && { reasoning_content: reasoning }),
    ...(toolCalls.length > 0 && { tool_calls: toolCalls }),
  }
  const choices = [{ index: 0, message, logprobs: null, finish_reason: finishReason }]
  return JSON.stringify({ ...head(call, 'chat.completion'), choices, usage })
}

/** All events of a stream, `[DONE]` included. */
export function presentEvents(call: ChatCall): string[] {
  const { content, reasoning, toolCalls, finishReason, usage } = planReply(call)
  const { chunks } = call.turn
  const withUsage = call.request.stream_options?.include_usage
  const start = `data: ${JSON.stringify(head(call, 'chat.completion.chunk')).slice(0, -1)},"choices":[`
  const end = `]${withUsage ? ',"usage":null' : ''}}\n\n`
  const event = (delta: object, finish: string | null = null) =>
    `${start}{"index":0,"delta":${JSON.stringify(delta)},"logprobs":null,"finish_reason":${JSON.stringify(finish)}}${end}`

  const fragments = toolCalls.map((toolCall, index) => [
    { index, ...toolCall, function: { ...toolCall.function, arguments: '' } },
    ...split(toolCall.function.arguments, chunks ?? 4).map((piece) => ({ index, function: { arguments: piece } })),
  ])
  const rounds = Math.max(0, ...fragments.map((list) => list.length))
  const interleaved = Array.from({ length: rounds }, (_, round) =>
    fragments.flatMap((list) => list[round] ?? []),
  ).flat()
  return [
    event({ role: 'assistant', content: content === null ? null : '', refusal: null }),
    ...split(reasoning, chunks).map((piece) => event({ reasoning_content: piece })),
    ...split(content ?? '', chunks).map((piece) => event({ content: piece })),
    ...interleaved.map((fragment) => event({ tool_calls: [fragment] })),
    event({}, finishReason),
    ...(withUsage ? [`${start}],"usage":${JSON.stringify(usage)}}\n\n`] : []),
    'data: [DONE]\n\n',
  ]
}

const head = ({ id, created }: ChatCall, object: string) => ({ id: `chatcmpl-${id}`, object, created, model: modelId })

/** Words, or `count` parts of like length; no character is cut in two. */
function split(text: string, count?: number): string[] {
  if (!count) return text.match(/\s*\S+|\s+$/g) ?? []
  const characters = [...text]
  const size = Math.ceil(characters.length / count)
  const parts = Array.from({ length: count }, (_, part) => characters.slice(part * size, (part + 1) * size).join(''))
  return parts.filter(Boolean)
}

/** The turn under the request's `stop` and token limit. A token is 4 characters; a begun one counts. */
function planReply({ request, turn, id }: ChatCall) {
  const { text = '', reasoning: thoughts = '', tool_calls: calls = [] } = turn
  const limit = 4 * (request.max_completion_tokens ?? request.max_tokens ?? Number.POSITIVE_INFINITY)
  const stops = [request.stop ?? []].flat().map((stop) => text.indexOf(stop))
  const whole = text.slice(0, Math.min(text.length, ...stops.filter((at) => at >= 0)))
  const reasoning = thoughts.slice(0, limit)
  const kept = whole.slice(0, limit - reasoning.length)
  const toolCalls = calls.map(({ name, arguments: args }, index) => {
    const fields = { name, arguments: typeof args === 'string' ? args : JSON.stringify(args) }
    return { id: `call_${id.slice(0, 20)}${index}`, type: 'function', function: fields }
  })
  const called = toolCalls.map((call) => call.function.name + call.function.arguments).join('')
  const tokens = { prompt: countPromptTokens(request), completion: Math.ceil((reasoning + kept + called).length / 4) }
  const usage = {
    prompt_tokens: tokens.prompt,
    completion_tokens: tokens.completion,
    total_tokens: tokens.prompt + tokens.completion,
    completion_tokens_details: { reasoning_tokens: Math.ceil(reasoning.length / 4) },
    ...turn.usage,
  }
  const cut = kept.length < whole.length || reasoning.length < thoughts.length
  const finishReason = turn.finish_reason ?? (cut ? 'length' : calls.length > 0 ? 'tool_calls' : 'stop')
  return { content: kept || calls.length === 0 ? kept : null, reasoning, toolCalls, finishReason, usage }
}

/** A token is 4 characters of the serialised messages and tools; an image is 85, whatever its size. */
function countPromptTokens({ messages, tools }: ChatRequest): number {
  const urls = messages.flatMap(imageUrls)
  return Math.ceil((JSON.stringify([messages, tools]).length - urls.join('').length) / 4) + 85 * urls.length
}

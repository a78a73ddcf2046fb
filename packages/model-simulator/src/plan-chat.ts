import { cutText } from './answer-fields.ts'
import type { ChatRequest } from './chat-request.ts'
import { presentLogprobs } from './logprobs.ts'
import { interleave, type Piece, type Reply } from './present-reply.ts'
import type { Turn } from './script.ts'
import { split } from './tokens.ts'

/** `id` stands in every identifier; `created` is in seconds. */
export type Asked = { id: string; created: number; promptTokens: number }

/** The turn as an answer to a chat: `n` choices that say the same. */
export function planChat(request: ChatRequest, turn: Turn, { id, ...asked }: Asked): Reply {
  const planned = [...Array(request.n ?? 1).keys()].map((index) => planChoice(request, turn, id, index))
  return {
    ...asked,
    id: `chatcmpl-${id}`,
    object: 'chat.completion',
    chunkObject: 'chat.completion.chunk',
    choices: planned.map(presentChoice),
    pieces: interleave(planned.map(presentPieces)),
    options: request.stream_options,
  }
}

type Choice = ReturnType<typeof planChoice>

function planChoice(request: ChatRequest, turn: Turn, id: string, index: number) {
  const { text: said = '', tool_calls: wanted = [] } = turn
  const maxTokens = request.max_completion_tokens ?? request.max_tokens
  const { text, isShort, reason } = cutText(said, { stop: request.stop, maxTokens })
  // Calls come after the text: who is stopped in it does not come to them.
  const calls = isShort ? [] : wanted
  const toolCalls = calls.map(({ name, arguments: args }, at) => ({
    id: `call_${id}_${index * calls.length + at}`,
    type: 'function',
    function: { name, arguments: typeof args === 'string' ? args : JSON.stringify(args) },
  }))
  return {
    index,
    content: text || calls.length === 0 ? text : null,
    toolCalls,
    entries: request.logprobs ? presentLogprobs(text, request.top_logprobs ?? 0) : undefined,
    finishReason: turn.finish_reason ?? (calls.length > 0 ? 'tool_calls' : reason),
  }
}

const logprobsOf = (entries: object[] | undefined) => (entries ? { content: entries, refusal: null } : null)

function presentChoice({ index, content, toolCalls, entries, finishReason }: Choice): object {
  const message = { role: 'assistant', content, refusal: null, ...(toolCalls.length > 0 && { tool_calls: toolCalls }) }
  return { index, message, logprobs: logprobsOf(entries), finish_reason: finishReason }
}

/** The fragments of parallel tool calls come by turns. */
function presentPieces({ index, content, toolCalls, entries, finishReason }: Choice): Piece[] {
  const piece = (delta: object, characters = 0, logprobs: object | null = null, finish: string | null = null) => ({
    choice: { index, delta, logprobs, finish_reason: finish },
    characters,
  })
  const fragments = toolCalls.map(({ id, type, function: { name, arguments: args } }, at) => [
    piece({ tool_calls: [{ index: at, id, type, function: { name, arguments: '' } }] }, name.length),
    ...split(args).map((part) => piece({ tool_calls: [{ index: at, function: { arguments: part } }] }, part.length)),
  ])
  return [
    piece({ role: 'assistant', content: content === null ? null : '' }),
    ...split(content ?? '').map((text, at) =>
      piece({ content: text }, text.length, logprobsOf(entries?.slice(at, at + 1))),
    ),
    ...interleave(fragments),
    piece({}, 0, null, finishReason),
  ]
}

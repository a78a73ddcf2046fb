import { randomInt } from 'node:crypto'
import { AppError } from '@jan/service-kit/errors'
import { functionsOf, historyOf } from './chat-history.ts'
import type { ChatRequest } from './chat-request.ts'
import type { Chunk, GenerateOptions, Sequence } from './engine-types.ts'
import { jsonShapeOf } from './json-shape.ts'
import type { LocalModel } from './local-model.ts'

export type Usage = { prompt: number; completion: number; reasoning: number }
export type Generated = {
  finish: 'stop' | 'length' | 'tool_calls'
  calls: { name: string; arguments: string }[]
  /** Tokens. */
  usage: Usage
}

/**
 * Answers a request as soon as it is its turn; `onText` gets what is said, and what is thought, as it comes.
 * @throws AppError `invalid_request` for what the model cannot do, `rate_limited` when too many wait,
 * `upstream_failed` for an answer that does not fit its schema; the signal's reason when it aborts
 */
export async function generate(
  model: LocalModel,
  signal: AbortSignal,
  request: ChatRequest,
  onText: (text: string, isThought: boolean) => void,
): Promise<Generated> {
  const [history, functions] = [historyOf(request.messages), functionsOf(request)]
  const shape = await jsonShapeOf(model.llama, request.response_format)
  const prompt = model.countPrompt(history, functions)
  const maxTokens = roomFor(model, prompt, request)
  return model.sequences.use(signal, async (sequence) => {
    const before = sequence.tokenMeter.getState()
    let [said, reasoning] = ['', 0]
    const onResponseChunk = ({ text, tokens, segmentType }: Chunk) => {
      if (segmentType) reasoning += tokens.length
      else said += text
      if (text) onText(text, segmentType !== undefined)
    }
    const options = { ...samplingOf(request), signal, maxTokens, onResponseChunk }
    // A grammar leads the whole answer: there is no room for a call beside it.
    const led = shape ? { grammar: shape.grammar } : functions ? { functions, ...callsAtOnce(request) } : {}
    const { functionCalls = [], metadata } = await answer(model, sequence, history, { ...options, ...led })
    const finish = FINISH[metadata.stopReason] ?? 'stop'
    if (finish !== 'length') shape?.check(said)
    const completion = sequence.tokenMeter.diff(before).usedOutputTokens
    const calls = functionCalls.map(({ functionName: name, params }) => ({
      name,
      arguments: JSON.stringify(params ?? {}),
    }))
    return { finish, calls, usage: { prompt, completion, reasoning } }
  })
}

const FINISH: Record<string, Generated['finish']> = { maxTokens: 'length', functionCalls: 'tool_calls' }

const callsAtOnce = ({ parallel_tool_calls: isParallel }: ChatRequest) =>
  isParallel === false ? { maxParallelFunctionCalls: 1 } : {}

async function answer(
  model: LocalModel,
  contextSequence: Sequence,
  history: ReturnType<typeof historyOf>,
  options: GenerateOptions,
) {
  const chat = new model.Chat({ contextSequence, chatWrapper: model.wrapper })
  try {
    return await chat.generateResponse(history, options)
  } finally {
    chat.dispose()
  }
}

/** Tokens that may be said. A prompt that leaves no room is refused: nothing is cut out of it behind the caller's back. */
function roomFor({ contextLength }: LocalModel, prompt: number, request: ChatRequest): number {
  const room = contextLength - prompt - 1
  const asked = request.max_completion_tokens ?? request.max_tokens ?? room
  if (room >= 1) return Math.min(room, asked)
  const message = `This model's maximum context length is ${contextLength} tokens, and the messages have ${prompt}`
  throw new AppError('invalid_request', message, { wireCode: 'context_length_exceeded', param: 'messages' })
}

/** As llama.cpp's own server samples what is not said. */
function samplingOf(request: ChatRequest) {
  const { frequency_penalty: frequencyPenalty, presence_penalty: presencePenalty, stop } = request
  const hasPenalty = Boolean(frequencyPenalty || presencePenalty)
  return {
    temperature: request.temperature ?? 0.8,
    topP: request.top_p ?? 0.95,
    topK: request.top_k ?? 40,
    minP: request.min_p ?? 0.05,
    seed: request.seed == null ? randomInt(2 ** 32) : request.seed >>> 0,
    repeatPenalty: hasPenalty
      ? { penalty: 1, frequencyPenalty: frequencyPenalty ?? 0, presencePenalty: presencePenalty ?? 0 }
      : (false as const),
    ...(stop?.length ? { customStopTriggers: [stop].flat() } : {}),
  }
}

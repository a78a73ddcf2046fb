import { Readable } from 'node:stream'
import type { SseEvent } from '@jan/service-kit/answer'
import type { ChatRequest } from './chat-request.ts'
import { generate } from './generate.ts'
import type { LocalModel } from './local-model.ts'
import { type Completion, callsDelta, presentChunk, presentUsageChunk } from './present-chat.ts'

/** The events of an answer, as they come. @throws as `generate`: before the first event, or in the middle */
export async function* streamChat(
  model: LocalModel,
  signal: AbortSignal,
  request: ChatRequest,
  completion: Completion,
): AsyncGenerator<SseEvent> {
  const withUsage = request.stream_options?.include_usage === true
  const chunk = (...[delta, finish = null]: Parts) => ({ data: presentChunk(completion, delta, finish, withUsage) })
  const said = new Readable({ objectMode: true, read: () => {} })
  const generated = generate(model, signal, request, (text, isThought) =>
    said.push(chunk(isThought ? { reasoning_content: text } : { content: text })),
  )
  // Also after a failure, which is told when everything that was said has been.
  const end = () => said.push(null)
  generated.then(end, end)
  let isFirst = true
  for await (const event of said) {
    // Only now: until there is something to say, a refusal is a status.
    if (isFirst) yield chunk({ role: 'assistant', content: '' })
    isFirst = false
    yield event
  }
  const result = await generated
  if (isFirst) yield chunk({ role: 'assistant', content: '' })
  if (result.calls.length > 0) yield chunk(callsDelta(result, completion))
  yield chunk({}, result.finish)
  if (withUsage) yield { data: presentUsageChunk(completion, result.usage) }
  yield { data: '[DONE]' }
}

type Parts = [delta: Parameters<typeof presentChunk>[1], finish?: Parameters<typeof presentChunk>[2]]

import { type ChatRequest, type JsonSchema, type Message, textOf } from './chat-request.ts'
import { fillSchema } from './fill-schema.ts'
import { imageUrls, nameImage } from './name-images.ts'
import type { Turn } from './script.ts'

type Arguments = Record<string, unknown>

/** The turn of a request without a script: a few fixed rules, written down in README.md. */
export function demoTurn(request: ChatRequest): Turn {
  const lastUser = request.messages.findLastIndex((message) => message.role === 'user')
  const prompt = textOf(request.messages[lastUser])
  const since = request.messages.slice(lastUser + 1)
  const calls = chooseCalls(request, prompt, since.flatMap((message) => message.tool_calls ?? []).length)
  if (calls.length > 0) return { tool_calls: calls }

  const results = since.filter((message) => message.role === 'tool')
  const text = results.length > 0 ? answerFromResults(since) : answerPrompt(request.messages.slice(0, lastUser + 1), prompt)
  return { text: shape(request, text) }
}

import { z } from 'zod'
import type { Message } from './chat-request.ts'
import { OpenAiError, refusalOf } from './openai-error.ts'

const milliseconds = z.int().min(0).max(600_000).optional()
const jsonObject = z.record(z.string(), z.unknown())

const turn = z.strictObject({
  text: z.string().optional(),
  tool_calls: z.array(z.strictObject({ name: z.string(), arguments: z.string().or(jsonObject) })).optional(),
  finish_reason: z.string().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  delay_ms: milliseconds,
  chunk_delay_ms: milliseconds,
  status: z.int().min(400).max(599).optional(),
  error: jsonObject.optional(),
  fault: z.enum(['reset', 'hang', 'truncate', 'garbage', 'error_event', 'no_done']).optional(),
  after_chunks: z.int().min(0).optional(),
})

/** One answer of the scripted model; README.md says what each field does. */
export type Turn = z.infer<typeof turn>

/** Reads a script, JSON or base64url of JSON. Throws 400 `invalid_script` saying what is wrong. */
export function parseScript(source: string): Turn[] {
  const json = /^\s*[[{]/.test(source) ? source : Buffer.from(source, 'base64url').toString()
  try {
    return z.array(turn).min(1).parse(JSON.parse(json))
  } catch (error) {
    throw new OpenAiError(400, `Bad simulator script: ${refusalOf(error).message}`, { code: 'invalid_script' })
  }
}

/** The turn is the number of assistant messages after the last user message; the last turn repeats. */
export function chooseTurn(turns: readonly Turn[], messages: Message[]): Turn {
  const afterUser = messages.slice(messages.findLastIndex((message) => message.role === 'user') + 1)
  const index = afterUser.filter((message) => message.role === 'assistant').length
  return turns[Math.min(index, turns.length - 1)] ?? {}
}

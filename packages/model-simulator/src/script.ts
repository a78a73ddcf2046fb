import { z } from 'zod'
import type { Message } from './chat-request.ts'
import { OpenAiError, parseJson, parseWith } from './openai-error.ts'

const milliseconds = z.int().min(0).max(600_000).optional()
const anObject = z.record(z.string(), z.unknown())
const toolCall = z.strictObject({ name: z.string(), arguments: z.string().or(anObject) })

const turn = z.strictObject({
  text: z.string().optional(),
  reasoning: z.string().optional(),
  tool_calls: z.array(toolCall).optional(),
  delay_ms: milliseconds,
  chunk_delay_ms: milliseconds,
  chunks: z.int().min(1).max(100_000).optional(),
  status: z.int().min(400).max(599).optional(),
  error: anObject.optional(),
  headers: z.record(z.string().regex(/^[\w-]+$/), z.string().regex(/^[\t -~]*$/)).optional(),
  fault: z.enum(['reset', 'hang', 'truncate', 'no_done', 'garbage', 'error_event', 'html']).optional(),
  after_chunks: z.int().min(0).optional(),
  finish_reason: z.string().optional(),
  usage: anObject.optional(),
})
const script = z.array(turn).min(1)

/** One answer of the scripted model; README.md says what each field does. */
export type Turn = z.infer<typeof turn>

/** Reads a script, JSON or base64url of JSON. Throws 400 `invalid_script` saying what is wrong. */
export function parseScript(source: string): Turn[] {
  try {
    return parseWith(script, parseJson(/^\s*[[{]/.test(source) ? source : Buffer.from(source, 'base64url').toString()))
  } catch (error) {
    throw new OpenAiError(400, `Bad simulator script: ${(error as Error).message}`, 'invalid_script')
  }
}

/** The turn is the number of assistant messages after the last user message; the last turn repeats. */
export function chooseTurn(turns: readonly Turn[], messages: Message[]): Turn {
  const afterUser = messages.slice(messages.findLastIndex((message) => message.role === 'user') + 1)
  const index = afterUser.filter((message) => message.role === 'assistant').length
  return turns[Math.min(index, turns.length - 1)] ?? {}
}

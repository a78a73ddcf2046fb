import { validateHeaderName, validateHeaderValue } from 'node:http'
import { z } from 'zod'
import type { Message } from './chat-request.ts'
import { parseJson, parseWith } from './openai-error.ts'

const milliseconds = z.int().min(0).max(600_000)

const turn = z.strictObject({
  text: z.string().optional(),
  reasoning: z.string().optional(),
  tool_calls: z
    .array(z.strictObject({ name: z.string(), arguments: z.string().or(z.record(z.string(), z.unknown())) }))
    .optional(),
  delay_ms: milliseconds.optional(),
  chunk_delay_ms: milliseconds.optional(),
  chunks: z.int().min(1).max(100_000).optional(),
  status: z.int().min(400).max(599).optional(),
  error: z.record(z.string(), z.unknown()).optional(),
  headers: z.record(z.string(), z.string()).refine(areHeaders, 'not valid as HTTP headers').optional(),
  fault: z.enum(['reset', 'hang', 'truncate', 'no_done', 'garbage', 'error_event', 'html']).optional(),
  after_chunks: z.int().min(0).optional(),
  finish_reason: z.string().optional(),
  usage: z.record(z.string(), z.unknown()).optional(),
})

/** One answer of the scripted model; README.md says what each field does. */
export type Turn = z.infer<typeof turn>

function areHeaders(headers: Record<string, string>): boolean {
  try {
    for (const [name, value] of Object.entries(headers)) {
      validateHeaderName(name)
      validateHeaderValue(name, value)
    }
    return true
  } catch {
    return false
  }
}

/** Reads a script, JSON or base64url of JSON. Throws 400 `invalid_script` saying what is wrong. */
export function parseScript(source: string): Turn[] {
  const json = /^\s*[[{]/.test(source) ? source : Buffer.from(source, 'base64url').toString()
  const value = parseJson(json, 'simulator script', 'invalid_script')
  return parseWith(z.array(turn).min(1), value, 'simulator script', 'invalid_script')
}

/** The turn is the number of assistant messages after the last user message; the last turn repeats. */
export function chooseTurn(script: readonly Turn[], messages: Message[]): Turn {
  const afterUser = messages.slice(messages.findLastIndex((message) => message.role === 'user') + 1)
  const index = afterUser.filter((message) => message.role === 'assistant').length
  return script[Math.min(index, script.length - 1)] ?? {}
}

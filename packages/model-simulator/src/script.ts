import { validateHeaderName, validateHeaderValue } from 'node:http'
import { isRecord, type Message } from './chat-request.ts'
import { OpenAiError } from './openai-error.ts'

const faults = ['reset', 'hang', 'truncate', 'no_done', 'garbage', 'error_event', 'html'] as const

/** One answer of the scripted model. Times are milliseconds; README.md says what each field does. */
export type Turn = {
  text?: string
  reasoning?: string
  tool_calls?: { name: string; arguments: string | Record<string, unknown> }[]
  delay_ms?: number
  chunk_delay_ms?: number
  chunks?: number
  status?: number
  error?: Record<string, unknown>
  headers?: Record<string, string>
  fault?: (typeof faults)[number]
  after_chunks?: number
  finish_reason?: string
  usage?: Record<string, unknown>
}

type Rule = [wanted: string, holds: (value: unknown) => boolean]
const aText: Rule = ['a text', (value) => typeof value === 'string']
const anObject: Rule = ['an object', isRecord]
const wholeNumber = (min: number, max: number): Rule => [
  `a whole number from ${min} to ${max}`,
  (value) => Number.isInteger(value) && Number(value) >= min && Number(value) <= max,
]

const rules: Record<keyof Turn, Rule> = {
  text: aText,
  reasoning: aText,
  tool_calls: ['a list of {name, arguments: object or text}', (value) => Array.isArray(value) && value.every(isCall)],
  delay_ms: wholeNumber(0, 600_000),
  chunk_delay_ms: wholeNumber(0, 600_000),
  chunks: wholeNumber(1, 100_000),
  status: wholeNumber(400, 599),
  error: anObject,
  headers: ['an object of valid HTTP headers', (value) => isRecord(value) && Object.entries(value).every(isHeader)],
  fault: [`one of ${faults.join(', ')}`, (value) => faults.some((fault) => fault === value)],
  after_chunks: wholeNumber(0, 100_000),
  finish_reason: aText,
  usage: anObject,
}

function isCall(value: unknown): boolean {
  if (!isRecord(value) || typeof value.name !== 'string') return false
  return typeof value.arguments === 'string' || isRecord(value.arguments)
}

function isHeader([name, value]: [string, unknown]): boolean {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, String(value))
    return typeof value === 'string'
  } catch {
    return false
  }
}

/** Reads a script, JSON or base64url of JSON. Throws an `OpenAiError` (400, `invalid_script`) that says what is wrong. */
export function parseScript(source: string): Turn[] {
  const json = /^\s*[[{]/.test(source) ? source : Buffer.from(source, 'base64url').toString()
  const refuse = (reason: string) => new OpenAiError(400, `Bad simulator script: ${reason}`, 'invalid_script')
  let turns: unknown
  try {
    turns = JSON.parse(json)
  } catch (error) {
    throw refuse(`not JSON (${(error as Error).message})`)
  }
  if (!Array.isArray(turns) || turns.length === 0) throw refuse('it must be a list with at least one turn.')
  for (const [at, turn] of turns.entries()) {
    if (!isRecord(turn)) throw refuse(`turn ${at} must be an object.`)
    for (const [key, value] of Object.entries(turn)) {
      const rule = Object.hasOwn(rules, key) ? rules[key as keyof Turn] : undefined
      if (!rule) throw refuse(`turn ${at} has the unknown field ${key}; known: ${Object.keys(rules).join(', ')}.`)
      if (!rule[1](value)) throw refuse(`turn ${at}: ${key} must be ${rule[0]}.`)
    }
  }
  return turns
}

/** The turn is the number of assistant messages after the last user message; the last turn repeats. */
export function chooseTurn(script: readonly Turn[], messages: Message[]): Turn {
  const afterUser = messages.slice(messages.findLastIndex((message) => message.role === 'user') + 1)
  const index = afterUser.filter((message) => message.role === 'assistant').length
  return script[Math.min(index, script.length - 1)] ?? {}
}

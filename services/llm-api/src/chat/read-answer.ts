import { isJsonObject, tryParseJson } from '@jan/service-kit/json-body'

type Json = Record<string, unknown>
type Call = { id: string; function: { name: string; arguments: string } }

/** What a model said: of its first choice, and as far as it came. */
export type Said = { text: string; refusal: string; reasoning: string; calls: Call[]; finishReason: string | undefined }

const nothingSaid = (): Said => ({ text: '', refusal: '', reasoning: '', calls: [], finishReason: undefined })

/** Of a whole answer. */
export function readAnswer(answer: Buffer): Said {
  const said = nothingSaid()
  const choice = firstChoice(tryParseJson(answer.toString()))
  if (choice) take(said, choice, choice.message)
  return said
}

export type AnswerReader = { take(events: Buffer): void; said(): Said }

/** Of a stream, from its events. Fragments of calls belong together by their index, in whatever order they come. */
export function createAnswerReader(): AnswerReader {
  const said = nothingSaid()
  return {
    take: (events) => {
      for (const line of events.toString().split(/\r\n|\r|\n/)) {
        if (!line.startsWith('data:')) continue
        const choice = firstChoice(tryParseJson(line.slice(5)))
        if (choice) take(said, choice, choice.delta)
      }
    },
    said: () => ({ ...said, calls: said.calls.filter((call) => call !== undefined) }),
  }
}

function firstChoice(json: unknown): Json | undefined {
  const choices = isJsonObject(json) && Array.isArray(json.choices) ? (json.choices as unknown[]) : []
  return choices.filter(isJsonObject).find(({ index = 0 }) => index === 0)
}

function take(said: Said, { finish_reason: finish }: Json, delta: unknown): void {
  if (typeof finish === 'string') said.finishReason = finish
  if (!isJsonObject(delta)) return
  said.text += textOf(delta.content)
  said.refusal += textOf(delta.refusal)
  said.reasoning += textOf(delta.reasoning_content ?? delta.reasoning)
  const calls = Array.isArray(delta.tool_calls) ? (delta.tool_calls as unknown[]) : []
  for (const [position, call] of calls.filter(isJsonObject).entries()) takeCall(said.calls, call, position)
}

function takeCall(calls: Call[], { index, id, function: called }: Json, position: number): void {
  const at = typeof index === 'number' && index >= 0 && index < MOST_CALLS ? index : position
  calls[at] ??= { id: '', function: { name: '', arguments: '' } }
  const call = calls[at]
  call.id ||= textOf(id)
  if (!isJsonObject(called)) return
  call.function.name += textOf(called.name)
  call.function.arguments += textOf(called.arguments)
}

const MOST_CALLS = 1_000

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

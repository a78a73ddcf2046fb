import type { z } from 'zod'
import type { answerFields } from './answer-fields.ts'
import { modelId } from './model.ts'
import { presentUsage } from './tokens.ts'

/** `choice` as it stands in a body or an event, and how many characters that the model wrote are in it. */
export type Piece = { choice: object; characters: number }

/** An answer in both its forms. `created` is in seconds; `pieces` are in the order in which they are streamed. */
export type Reply = {
  id: string
  created: number
  object: string
  chunkObject: string
  choices: object[]
  pieces: Piece[]
  promptTokens: number
  options?: z.infer<typeof answerFields.stream_options>
}

/** What goes out in one write, and how many characters that the model wrote are in it. */
export type Sending = { text: string; characters: number }

/** The body of an answer that is not streamed. */
export function presentWhole(reply: Reply): Sending {
  const { id, created, object, choices, pieces, promptTokens } = reply
  const characters = pieces.reduce((sum, piece) => sum + piece.characters, 0)
  const usage = presentUsage(promptTokens, characters)
  return { text: JSON.stringify({ id, object, created, model: modelId, choices, usage }), characters }
}

/** All events of a stream, `[DONE]` included. */
export function presentEvents(reply: Reply): Sending[] {
  const { id, created, chunkObject: object, pieces, promptTokens, options } = reply
  const { include_usage: isCounted, continuous_usage_stats: always } = options ?? {}
  let written = 0
  const event = (choices: object[], withUsage: boolean) => {
    const usage = withUsage ? presentUsage(promptTokens, written) : null
    return `data: ${JSON.stringify({ id, object, created, model: modelId, choices, ...(isCounted && { usage }) })}\n\n`
  }
  const events = pieces.map(({ choice, characters }) => {
    written += characters
    return { text: event([choice], always === true), characters }
  })
  const last = [...(isCounted ? [event([], true)] : []), 'data: [DONE]\n\n']
  return [...events, ...last.map((text) => ({ text, characters: 0 }))]
}

/** The first of each list, then the second of each, … */
export function interleave<T>(lists: T[][]): T[] {
  const rounds = [...Array(Math.max(0, ...lists.map((list) => list.length))).keys()]
  return rounds.flatMap((round) => lists.flatMap((list) => list[round] ?? []))
}

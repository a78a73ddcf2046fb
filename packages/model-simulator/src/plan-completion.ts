import { z } from 'zod'
import { answerFields, cutText } from './answer-fields.ts'
import type { Asked } from './plan-chat.ts'
import { interleave, type Piece, type Reply } from './present-reply.ts'
import type { Turn } from './script.ts'
import { split } from './tokens.ts'

const only = 'the simulator gives no more than the text'
const completionRequest = z.object({
  ...answerFields,
  prompt: z.string().or(z.array(z.string()).min(1)),
  echo: z.literal(false, only).nullish(),
  logprobs: z.null(only).optional(),
  suffix: z.null(only).optional(),
})

export type CompletionRequest = z.infer<typeof completionRequest>

/** Throws 400 for what does not fit, and for what is not offered. */
export const readCompletionRequest = (body: unknown): CompletionRequest => completionRequest.parse(body)

/** OpenAI's limit when none is asked for. */
const DEFAULT_TOKENS = 16

/** The turn of each prompt, `n` times, as an answer to a legacy completion. */
export function planCompletion(request: CompletionRequest, turns: Turn[], { id, ...asked }: Asked): Reply {
  const each = turns.flatMap((turn) => Array<Turn>(request.n ?? 1).fill(turn))
  const planned = each.map(({ text: said = '', finish_reason: given }, index) => {
    const { stop, max_tokens: maxTokens } = request
    const { text, reason } = cutText(said, { stop, maxTokens: maxTokens ?? DEFAULT_TOKENS })
    return { index, text, logprobs: null, finish_reason: given ?? reason }
  })
  return {
    ...asked,
    id: `cmpl-${id}`,
    object: 'text_completion',
    chunkObject: 'text_completion',
    choices: planned,
    pieces: interleave(planned.map(presentPieces)),
    options: request.stream_options,
  }
}

const presentPieces = (choice: { text: string }): Piece[] => [
  ...split(choice.text).map((text) => ({ choice: { ...choice, text, finish_reason: null }, characters: text.length })),
  { choice: { ...choice, text: '' }, characters: 0 },
]

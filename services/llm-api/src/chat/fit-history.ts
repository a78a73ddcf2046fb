import { estimatePrompt } from '../relays/estimate-tokens.ts'
import type { ChatMessage } from './chat.schema.ts'

/** What is left for the answer when the request does not say: a quarter of the context, at most this many tokens. */
const MOST_FOR_ANSWER = 4096

export type Room = {
  /** Tokens of the model; undefined: nobody knows. */
  contextLength: number | undefined
  /** Tokens that the request wants for the answer. */
  maxTokens: number | undefined
  /** What is sent in any case: instructions and the new turn. */
  rest: Record<string, unknown>
}

/**
 * The newest part of a history for which there is room, beginning with something a person said, so that no answer of a
 * tool stands without its call. A token is taken for four characters; what is left of the context when the answer and
 * the rest are taken off is filled up to nine tenths, for the estimate may be wrong. Without a known context all of it goes.
 */
export function fitHistory(history: ChatMessage[], { contextLength, maxTokens, rest }: Room): ChatMessage[] {
  if (contextLength === undefined) return history
  const forAnswer = maxTokens ?? Math.min(MOST_FOR_ANSWER, contextLength / 4)
  let left = (contextLength - forAnswer - estimatePrompt(rest)) * 0.9
  let from = history.length
  for (let at = history.length - 1; at >= 0; at -= 1) {
    left -= estimatePrompt({ messages: history[at] })
    if (left < 0) break
    if (history[at]!.role === 'user') from = at
  }
  return history.slice(from)
}

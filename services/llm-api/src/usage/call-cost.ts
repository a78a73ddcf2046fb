import type { Prices } from '../models/offered-model.ts'
import type { Usage } from './usage.ts'

/**
 * What a call costs, in micro-USD, rounded. A price of so many USD per million tokens is as many micro-USD per token.
 * Tokens from a cache and of reasoning have their own price where there is one, else that of the others.
 */
export function costOf({ prompt = 0, completion = 0, cached, reasoning, request = 0 }: Prices, usage: Usage): number {
  const cachedTokens = Math.min(usage.cachedTokens ?? 0, usage.promptTokens)
  const reasoningTokens = Math.min(usage.reasoningTokens ?? 0, usage.completionTokens)
  return Math.round(
    (usage.promptTokens - cachedTokens) * prompt +
      cachedTokens * (cached ?? prompt) +
      (usage.completionTokens - reasoningTokens) * completion +
      reasoningTokens * (reasoning ?? completion) +
      request * 1_000_000,
  )
}

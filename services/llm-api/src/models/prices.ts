import type { PriceLine } from './model-facts.ts'
import type { Prices } from './offered-model.ts'

/** How many micro-USD per its unit make one USD of ours: per million tokens, or per request. */
const PER_UNIT: Partial<Record<PriceLine['unit'], { field: keyof Prices; micro: number }>> = {
  per_1k_prompt_tokens: { field: 'prompt', micro: 1_000 },
  per_1k_completion_tokens: { field: 'completion', micro: 1_000 },
  per_1k_cached_tokens: { field: 'cached', micro: 1_000 },
  // Of one token.
  per_internal_reasoning: { field: 'reasoning', micro: 1 },
  per_request: { field: 'request', micro: 1_000_000 },
}

/** What calls are charged by. Pictures and searches are not counted here. */
export function pricesOf(lines: readonly PriceLine[]): Prices {
  const prices: Prices = {}
  for (const { unit, amount_micro_usd: amount } of lines) {
    const per = PER_UNIT[unit]
    if (per) prices[per.field] = amount / per.micro
  }
  return prices
}

export const pricesToLines = (prices: Prices): PriceLine[] =>
  Object.entries(PER_UNIT).flatMap(([unit, { field, micro }]): PriceLine[] => {
    const price = prices[field]
    return price === undefined
      ? []
      : [{ unit: unit as PriceLine['unit'], amount_micro_usd: price * micro, currency: 'USD' }]
  })

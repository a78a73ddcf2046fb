import { z } from 'zod'

const stop = z.string().min(1)

/** What chat and legacy completions have in common. */
export const answerFields = {
  max_tokens: z.int().min(1).nullish(),
  n: z.int().min(1).max(128).nullish(),
  stop: stop.or(z.array(stop).max(4)).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z
    .object({ include_usage: z.boolean().nullish(), continuous_usage_stats: z.boolean().nullish() })
    .nullish(),
}

type Limits = { stop?: string | string[] | null | undefined; maxTokens: number | null | undefined }

/** The text before the first stop sequence, and within the limit. `isShort` when there would have been more. */
export function cutText(said: string, { stop, maxTokens }: Limits) {
  const ends = [stop ?? []].flat().map((sequence) => said.indexOf(sequence))
  const before = said.slice(0, Math.min(said.length, ...ends.filter((at) => at >= 0)))
  // No character is cut in two.
  const text = maxTokens ? before.slice(0, 4 * maxTokens).replace(/[\uD800-\uDBFF]$/, '') : before
  return { text, isShort: text.length < said.length, reason: text.length < before.length ? 'length' : 'stop' }
}

import { isJsonObject } from '@jan/service-kit/json-body'

/** Tokens of one call. */
export type Usage = {
  /** Of the request; those read from a cache are among them. */
  promptTokens: number
  /** Of the answer; those of reasoning are among them. */
  completionTokens: number
  cachedTokens?: number
  reasoningTokens?: number
}

/** OpenAI's `usage` object, of chat (`prompt_tokens`) or of responses, audio and images (`input_tokens`). Undefined for what is none. */
export function readUsage(json: unknown): Usage | undefined {
  if (!isJsonObject(json)) return undefined
  const total = count(json.total_tokens)
  const completion = count(json.completion_tokens) ?? count(json.output_tokens)
  // Rerankers, and some embedders, tell the total alone.
  const prompt = count(json.prompt_tokens) ?? count(json.input_tokens) ?? rest(total, completion ?? 0)
  if (prompt === undefined && completion === undefined) return undefined
  const cached =
    count(detail(json.prompt_tokens_details, 'cached_tokens')) ??
    count(detail(json.input_tokens_details, 'cached_tokens')) ??
    count(json.prompt_cache_hit_tokens)
  const reasoning =
    count(detail(json.completion_tokens_details, 'reasoning_tokens')) ??
    count(detail(json.output_tokens_details, 'reasoning_tokens'))
  return {
    promptTokens: prompt ?? 0,
    completionTokens: completion ?? 0,
    ...(cached === undefined ? {} : { cachedTokens: cached }),
    ...(reasoning === undefined ? {} : { reasoningTokens: reasoning }),
  }
}

/** The column is an integer; a provider that tells more than this tells nonsense. */
const MOST = 2_147_483_647

const count = (value: unknown): number | undefined =>
  typeof value === 'number' && value >= 0 && value <= MOST ? Math.round(value) : undefined

const rest = (total: number | undefined, part: number) => (total === undefined ? undefined : Math.max(0, total - part))

const detail = (details: unknown, name: string) => (isJsonObject(details) ? details[name] : undefined)

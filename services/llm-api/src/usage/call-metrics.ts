import type { Counted, HttpMetrics, Observed } from '@jan/service-kit/metrics'
import type { ModelCall } from './model-call.ts'

/** What an operator sees of the calls of models. */
export type CallMetrics = {
  /** @param gapMs between two pieces of a stream, on the average */
  ended(row: ModelCall, gapMs?: number): void
  /** A call that was let in by no budget or limit. */
  refused(why: 'budget' | 'limit'): void
  written(rows: number): void
  lost(rows: number): void
}

/** Series of one provider and model, which are found once. */
type Series = {
  tokens: Record<'prompt' | 'completion' | 'cached' | 'reasoning', Counted>
  firstToken: Observed
  gap: Observed
  duration: Observed
  requests: Map<string, Counted>
}

/** Names come from the catalog, so they are few; should they not be, the rest share one. */
const MOST_SERIES = 1_000
const OTHER = 'other'
const GAPS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]
const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640]

export function createCallMetrics(
  metrics: Pick<HttpMetrics, 'counter' | 'histogram' | 'gauge'>,
  waiting: () => number,
): CallMetrics {
  const of: ('provider' | 'model')[] = ['provider', 'model']
  const requests = metrics.counter('llm_requests_total', 'Calls of models that have ended', [
    ...of,
    'operation',
    'outcome',
  ])
  const tokens = metrics.counter(
    'llm_tokens_total',
    'Tokens, by kind; cached ones are among those of the prompt, and those of reasoning among those of the completion',
    [...of, 'kind'],
  )
  const firstToken = metrics.histogram('llm_time_to_first_token_seconds', 'Time to the first token', of, SECONDS)
  const gap = metrics.histogram('llm_inter_chunk_gap_seconds', 'Between two pieces of a stream, its average', of, GAPS)
  const duration = metrics.histogram('llm_call_duration_seconds', 'Time of a call, to its last byte', of, SECONDS)
  const refusals = metrics.counter('llm_calls_refused_total', 'Calls that a budget or limit refused', ['why'])
  const rows = metrics.counter('llm_ledger_rows_total', 'Rows of the ledger, by what became of them', ['outcome'])
  metrics.gauge('llm_ledger_rows_waiting', 'Rows that are not written yet', waiting)

  const known = new Map<string, Map<string, Series>>()
  let size = 0
  const open = (provider: string, model: string): Series => {
    const labels = { provider, model }
    const tokensOf = (kind: string) => tokens.labels({ ...labels, kind })
    const series: Series = {
      tokens: {
        prompt: tokensOf('prompt'),
        completion: tokensOf('completion'),
        cached: tokensOf('cached'),
        reasoning: tokensOf('reasoning'),
      },
      firstToken: firstToken.labels(labels),
      gap: gap.labels(labels),
      duration: duration.labels(labels),
      requests: new Map(),
    }
    known.set(model, (known.get(model) ?? new Map<string, Series>()).set(provider, series))
    size += 1
    return series
  }
  const seriesOf = (provider: string, model: string): Series => {
    const found = known.get(model)?.get(provider)
    if (found) return found
    return size < MOST_SERIES ? open(provider, model) : (known.get(OTHER)?.get(OTHER) ?? open(OTHER, OTHER))
  }
  const counted = (series: Series, { providerName, model, operation, outcome }: ModelCall): Counted => {
    const key = `${operation} ${outcome}`
    let found = series.requests.get(key)
    if (!found) {
      const isOther = series === known.get(OTHER)?.get(OTHER)
      const labels = isOther ? { provider: OTHER, model: OTHER } : { provider: providerName ?? NONE, model }
      found = requests.labels({ ...labels, operation, outcome })
      series.requests.set(key, found)
    }
    return found
  }
  return {
    ended(row, gapMs) {
      const series = seriesOf(row.providerName ?? NONE, row.model)
      counted(series, row).inc()
      if (row.promptTokens > 0) series.tokens.prompt.inc(row.promptTokens)
      if (row.completionTokens > 0) series.tokens.completion.inc(row.completionTokens)
      if (row.cachedTokens > 0) series.tokens.cached.inc(row.cachedTokens)
      if (row.reasoningTokens > 0) series.tokens.reasoning.inc(row.reasoningTokens)
      if (row.firstTokenMs !== null) series.firstToken.observe(row.firstTokenMs / 1000)
      if (gapMs !== undefined) series.gap.observe(gapMs / 1000)
      series.duration.observe(row.durationMs / 1000)
    },
    refused: (why) => refusals.inc({ why }),
    written: (count) => rows.inc({ outcome: 'written' }, count),
    lost: (count) => rows.inc({ outcome: 'lost' }, count),
  }
}

/** No provider was reached. */
const NONE = 'none'

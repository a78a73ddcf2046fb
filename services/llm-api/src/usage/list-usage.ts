import { invalid } from '@jan/service-kit/errors'
import type { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { UsagePage, UsageQuery } from './usage.schema.ts'
import type { UsageTotals } from './usage.store.ts'

const DAY_MS = 86_400_000
const DAYS_BY_DEFAULT = 30
const MOST_DAYS = 366

/**
 * What was used, of a workspace or, without one, of all, in whole days (UTC). What has ended here is in it at once;
 * what ended at other replicas, within a second. @throws AppError `invalid_request`
 */
export async function listUsage(
  deps: Pick<Deps, 'usage' | 'meter' | 'now'>,
  workspaceId: string | undefined,
  query: UsageQuery,
): Promise<z.input<typeof UsagePage>> {
  const { from, to } = daysOf(query, deps.now())
  await deps.meter.flush()
  const { model, key_id: keyId, project_id: projectId, user_id: userId } = query
  const totals = await deps.usage.totals(
    { workspaceId, userId, keyId, projectId, model },
    { from: dayOf(from), to: dayOf(to) },
    query.group_by,
  )
  const data = query.group_by.has('day') ? daily(totals, from, to) : [bucket(from, to, totals)]
  return { object: 'page', data, has_more: false, next_page: null }
}

function daysOf({ start_time: start, end_time: end }: UsageQuery, now: Date): { from: number; to: number } {
  const to = Math.ceil((end?.getTime() ?? now.getTime() + 1) / DAY_MS) * DAY_MS
  const from = start ? Math.floor(start.getTime() / DAY_MS) * DAY_MS : to - DAYS_BY_DEFAULT * DAY_MS
  if (start && end && start >= end) throw invalid('start_time: expected a time before end_time', 'start_time')
  if (from >= to) throw invalid('start_time: expected a time that is not in the future', 'start_time')
  if (to - from > MOST_DAYS * DAY_MS)
    throw invalid(`start_time: at most ${MOST_DAYS} days can be asked for at once`, 'start_time')
  return { from: Math.max(0, from), to }
}

const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10)

/** A bucket for every day, as OpenAI does: one without calls has no results. */
function daily(totals: UsageTotals[], from: number, to: number) {
  const byDay = Map.groupBy(totals, ({ day }) => day)
  const starts = Array.from({ length: (to - from) / DAY_MS }, (_, index) => from + index * DAY_MS)
  return starts.map((start) => bucket(start, start + DAY_MS, byDay.get(dayOf(start)) ?? []))
}

const bucket = (from: number, to: number, totals: UsageTotals[]) => ({
  object: 'bucket' as const,
  start_time: from / 1000,
  end_time: to / 1000,
  results: totals.map(presentTotals),
})

const presentTotals = (totals: UsageTotals) => ({
  object: 'usage.result' as const,
  input_tokens: totals.promptTokens,
  output_tokens: totals.completionTokens,
  input_cached_tokens: totals.cachedTokens,
  output_reasoning_tokens: totals.reasoningTokens,
  num_model_requests: totals.requests,
  num_estimated_requests: totals.estimatedRequests,
  amount: { value: totals.costMicroUsd / 1_000_000, currency: 'usd' as const },
  model: totals.model || null,
  api_key_id: totals.keyId || null,
  project_id: totals.projectId || null,
  user_id: totals.userId || null,
})

import type { connectPostgres } from '@jan/service-kit/postgres'

/** By what totals are told apart. */
export type UsageGroup = 'day' | 'model' | 'key' | 'project' | 'user'

export type UsageFilter = {
  /** Undefined: of all, for who operates this. */
  workspaceId?: string | undefined
  userId?: string | undefined
  keyId?: string | undefined
  projectId?: string | undefined
  model?: string | undefined
}

/** Totals of a group. What it is not grouped by is null; '' is none. */
export type UsageTotals = {
  day: string | null
  model: string | null
  keyId: string | null
  projectId: string | null
  userId: string | null
  requests: number
  estimatedRequests: number
  promptTokens: number
  completionTokens: number
  cachedTokens: number
  reasoningTokens: number
  costMicroUsd: number
}

export type UsageStore = {
  /** Of days in [from, to), each `YYYY-MM-DD`, by day and then by what was used most. */
  totals(
    filter: UsageFilter,
    days: { from: string; to: string },
    groups: ReadonlySet<UsageGroup>,
  ): Promise<UsageTotals[]>
}

const COLUMNS: [group: UsageGroup, field: keyof UsageTotals, column: string][] = [
  ['day', 'day', "to_char(day, 'YYYY-MM-DD')"],
  ['model', 'model', 'model'],
  ['key', 'keyId', 'key_id'],
  ['project', 'projectId', 'project_id'],
  ['user', 'userId', 'created_by'],
]

export const createUsageStore = (pool: Pick<ReturnType<typeof connectPostgres>, 'query'>): UsageStore => ({
  totals: async ({ workspaceId, userId, keyId, projectId, model }, { from, to }, groups) => {
    const own = COLUMNS.filter(([group]) => groups.has(group)).map(([, , column]) => column)
    const { rows } = await pool.query(
      `SELECT ${COLUMNS.map(([group, field, column]) => `${groups.has(group) ? column : 'NULL'} AS "${field}"`)},
        coalesce(sum(requests), 0)::float8 AS requests,
        coalesce(sum(estimated_requests), 0)::float8 AS "estimatedRequests",
        coalesce(sum(prompt_tokens), 0)::float8 AS "promptTokens",
        coalesce(sum(completion_tokens), 0)::float8 AS "completionTokens",
        coalesce(sum(cached_tokens), 0)::float8 AS "cachedTokens",
        coalesce(sum(reasoning_tokens), 0)::float8 AS "reasoningTokens",
        coalesce(sum(cost_micro_usd), 0)::float8 AS "costMicroUsd"
      FROM usage_day WHERE day >= $1::date AND day < $2::date
        AND ($3::text IS NULL OR workspace_id = $3) AND ($4::text IS NULL OR created_by = $4)
        AND ($5::text IS NULL OR key_id = $5) AND ($6::text IS NULL OR project_id = $6)
        AND ($7::text IS NULL OR model = $7)
      ${own.length > 0 ? `GROUP BY ${own}` : ''} HAVING count(*) > 0
      ORDER BY ${groups.has('day') ? `${own[0]}, ` : ''}sum(prompt_tokens + completion_tokens) DESC, sum(requests) DESC`,
      [from, to, workspaceId ?? null, userId ?? null, keyId ?? null, projectId ?? null, model ?? null],
    )
    return rows as UsageTotals[]
  },
})

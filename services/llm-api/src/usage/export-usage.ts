import { presentBudget } from '../budgets/present-budget.ts'
import type { Deps } from '../deps.ts'
import type { ModelCall } from './model-call.ts'

/** What an export tells of the calls, budgets and settings of a workspace: lists by name, read as they are written. */
export const usageOf = (
  deps: Pick<Deps, 'ledger' | 'budgets' | 'payloads' | 'now'>,
  workspaceId: string,
): Record<'model_calls' | 'budgets' | 'settings', AsyncIterable<unknown>> => ({
  model_calls: callsOf(deps, workspaceId),
  budgets: budgetsOf(deps, workspaceId),
  settings: settingsOf(deps, workspaceId),
})

async function* callsOf({ ledger }: Pick<Deps, 'ledger'>, workspaceId: string) {
  for await (const row of ledger.of(workspaceId)) yield presentCall(row)
}

async function* budgetsOf(deps: Pick<Deps, 'budgets' | 'now'>, workspaceId: string) {
  for (const budget of await deps.budgets.store.ofWorkspace(workspaceId)) yield presentBudget(deps, budget)
}

async function* settingsOf({ payloads }: Pick<Deps, 'payloads'>, workspaceId: string) {
  const settings = await payloads.store.find(workspaceId)
  if (settings) yield { record_payloads: settings.recordPayloads }
}

const presentCall = (row: ModelCall) => ({
  id: row.id,
  object: 'model_call' as const,
  started_at: new Date(row.startedAt).toISOString(),
  operation: row.operation,
  model: row.model,
  provider: row.providerName,
  caller_kind: row.callerKind,
  api_key_id: row.keyId,
  via: row.via,
  request_id: row.requestId,
  conversation_id: row.conversationId,
  response_id: row.responseId,
  project_id: row.projectId,
  prompt_tokens: row.promptTokens,
  completion_tokens: row.completionTokens,
  cached_tokens: row.cachedTokens,
  reasoning_tokens: row.reasoningTokens,
  estimated: row.isEstimated,
  amount: { value: row.costMicroUsd / 1_000_000, currency: 'usd' as const },
  status: row.status,
  outcome: row.outcome,
  first_token_ms: row.firstTokenMs,
  duration_ms: row.durationMs,
})

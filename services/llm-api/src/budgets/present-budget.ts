import type { Deps } from '../deps.ts'
import type { Budget } from './budget.store.ts'
import { periodAt } from './budget-period.ts'
import { leftOf } from './budgets.ts'

/** A budget, and where it stands now. @throws Error of the database */
export async function presentBudget({ budgets, now }: Pick<Deps, 'budgets' | 'now'>, budget: Budget) {
  const at = now()
  const spent = await budgets.spending.of(budget.subject, budget.period, at)
  const left = leftOf(budget, spent)
  return {
    id: budget.id,
    object: 'budget' as const,
    subject_kind: budget.subject.kind,
    subject_id: budget.subject.id,
    period: budget.period,
    tokens: budget.tokens,
    usd: budget.microUsd === null ? null : budget.microUsd / 1_000_000,
    spent_tokens: spent.tokens,
    spent_usd: spent.microUsd / 1_000_000,
    remaining_tokens: budget.tokens === null ? null : left.tokens,
    remaining_usd: budget.microUsd === null ? null : left.microUsd / 1_000_000,
    resets_at: periodAt(budget.period, at).to.toISOString(),
    created_at: budget.createdAt.toISOString(),
    updated_at: budget.updatedAt.toISOString(),
  }
}

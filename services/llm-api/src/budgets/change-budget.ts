import { AppError, invalid, notFound } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { CreateBudget, UpdateBudget } from './budget.schema.ts'
import type { Budget } from './budget.store.ts'

type Needs = Pick<Deps, 'budgets' | 'now'>

export const noSuchBudget = (id: string) => notFound('Budget', id)

/** @throws AppError `invalid_request` for one that sets nothing, or of nothing; `conflict` for a second one of a period */
export async function createBudget(deps: Needs, who: Who, input: z.output<typeof CreateBudget>): Promise<Budget> {
  const subject = { kind: input.subject_kind, id: input.subject_id }
  const amounts = { tokens: input.tokens ?? null, microUsd: microUsdOf(input.usd) ?? null }
  requireAmount(amounts)
  if (!(await deps.budgets.store.hasSubject(subject)))
    throw invalid(`subject_id: there is no ${subject.kind} '${subject.id}'`, 'subject_id')
  const at = who.startedAt
  const made = { id: who.newId('budg', 16), subject, period: input.period, ...amounts, createdBy: who.caller.subject }
  const budget = await deps.budgets.store.create({ ...made, createdAt: at, updatedAt: at })
  if (!budget)
    throw new AppError(
      'conflict',
      `This ${subject.kind} has a budget for each ${input.period} already: change that one`,
    )
  await deps.budgets.changed()
  return budget
}

/** @throws AppError `not_found`, and `invalid_request` for one that would set nothing */
export async function updateBudget(deps: Needs, id: string, input: z.output<typeof UpdateBudget>): Promise<Budget> {
  const before = await requireBudget(deps, id)
  const tokens = input.tokens === undefined ? before.tokens : input.tokens
  const microUsd = input.usd === undefined ? before.microUsd : (microUsdOf(input.usd) ?? null)
  requireAmount({ tokens, microUsd })
  const budget = await deps.budgets.store.update(id, { tokens, microUsd, updatedAt: deps.now() })
  if (!budget) throw noSuchBudget(id)
  await deps.budgets.changed()
  return budget
}

/** @throws AppError `not_found` */
export async function deleteBudget(deps: Needs, id: string): Promise<void> {
  if (!(await deps.budgets.store.delete(id))) throw noSuchBudget(id)
  await deps.budgets.changed()
}

/** @throws AppError `not_found` */
export async function requireBudget({ budgets }: Pick<Deps, 'budgets'>, id: string): Promise<Budget> {
  const budget = await budgets.store.find(id)
  if (!budget) throw noSuchBudget(id)
  return budget
}

const microUsdOf = (usd: number | null | undefined) =>
  usd === undefined || usd === null ? usd : Math.round(usd * 1_000_000)

function requireAmount({ tokens, microUsd }: Pick<Budget, 'tokens' | 'microUsd'>): void {
  if (tokens === null && microUsd === null) throw invalid('tokens, usd: a budget sets at least one of them', 'tokens')
}

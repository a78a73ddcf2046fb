import { json } from '@jan/service-kit/answer'
import { presentPage } from '@jan/service-kit/page'
import { type Route, route } from '@jan/service-kit/route'
import { z } from 'zod'
import { noteAct } from '../audit/note-act.ts'
import type { Deps } from '../deps.ts'
import { BudgetAnswer, BudgetPage, BudgetQuery, CreateBudget, DeletedBudget, UpdateBudget } from './budget.schema.ts'
import type { Budget } from './budget.store.ts'
import { createBudget, deleteBudget, requireBudget, updateBudget } from './change-budget.ts'
import { presentBudget } from './present-budget.ts'

const BudgetParams = z.object({ id: z.string() })
const ADMIN = { auth: 'person', role: 'admin', scope: 'admin' } as const

export const budgetRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'list_budgets',
    method: 'get',
    path: '/v1/budgets',
    summary: 'Your budgets',
    description: 'What you, your API keys and your projects may use in a day or a month (UTC), and what is left.',
    auth: 'person',
    scope: 'chat',
    answers: { 200: BudgetPage },
    handler: async ({ who }) => {
      await deps.meter.flush()
      const own = await deps.budgets.store.ofWorkspace(who.caller.workspaceId)
      return presentPage(await presentAll(deps, own), own.length)
    },
  }),
  ...adminRoutes(deps),
]

const adminRoutes = (deps: Deps): Route[] => [
  route({
    ...ADMIN,
    operation: 'create_budget',
    method: 'post',
    path: '/v1/admin/budgets',
    summary: 'Set a budget',
    description:
      'For a person, an API key or a project, in tokens, in money, or both. A call is let in as long as what has been spent in the period is below; it is passed by no more than what is in flight then.',
    body: CreateBudget,
    answers: { 201: BudgetAnswer },
    idempotent: true,
    handler: async ({ body, who, address }) => {
      const budget = await createBudget(deps, who, body)
      await noteAct(deps, { who, address }, { act: 'budget.created', target: budget.id, details: detailsOf(budget) })
      return json(await presentBudget(deps, budget), { status: 201 })
    },
  }),
  route({
    ...ADMIN,
    operation: 'list_all_budgets',
    method: 'get',
    path: '/v1/admin/budgets',
    summary: 'All budgets',
    query: BudgetQuery,
    answers: { 200: BudgetPage },
    handler: async ({ query: { limit, after, subject_kind: kind, subject_id: subjectId } }) => {
      const budgets = await deps.budgets.store.list({ kind, subjectId }, { limit, after })
      return presentPage(await presentAll(deps, budgets), limit)
    },
  }),
  route({
    ...ADMIN,
    operation: 'get_budget',
    method: 'get',
    path: '/v1/admin/budgets/{id}',
    summary: 'A budget',
    params: BudgetParams,
    answers: { 200: BudgetAnswer },
    handler: async ({ params }) => presentBudget(deps, await requireBudget(deps, params.id)),
  }),
  route({
    ...ADMIN,
    operation: 'update_budget',
    method: 'patch',
    path: '/v1/admin/budgets/{id}',
    summary: 'Change a budget',
    description: 'What is left out stays as it is.',
    params: BudgetParams,
    body: UpdateBudget,
    answers: { 200: BudgetAnswer },
    handler: async ({ params, body, who, address }) => {
      const budget = await updateBudget(deps, params.id, body)
      await noteAct(deps, { who, address }, { act: 'budget.changed', target: budget.id, details: detailsOf(budget) })
      return presentBudget(deps, budget)
    },
  }),
  route({
    ...ADMIN,
    operation: 'delete_budget',
    method: 'delete',
    path: '/v1/admin/budgets/{id}',
    summary: 'End a budget',
    params: BudgetParams,
    answers: { 200: DeletedBudget },
    handler: async ({ params: { id }, who, address }) => {
      await deleteBudget(deps, id)
      await noteAct(deps, { who, address }, { act: 'budget.deleted', target: id })
      return { id, object: 'budget.deleted' as const, deleted: true as const }
    },
  }),
]

const presentAll = (deps: Deps, budgets: Budget[]) => Promise.all(budgets.map((budget) => presentBudget(deps, budget)))

const detailsOf = ({ subject, period, tokens, microUsd }: Budget) => ({
  subject_kind: subject.kind,
  subject_id: subject.id,
  period,
  tokens,
  usd: microUsd === null ? null : microUsd / 1_000_000,
})

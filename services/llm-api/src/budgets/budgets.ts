import type { Person } from '@jan/service-kit/auth'
import { AppError } from '@jan/service-kit/errors'
import type { Logger } from '@jan/service-kit/logger'
import type { ModelCall } from '../usage/model-call.ts'
import { createRemembered } from '../usage/remembered.ts'
import type { Budget, BudgetStore, Spent, SubjectKind } from './budget.store.ts'
import { periodAt } from './budget-period.ts'
import { createSpending, type Spending } from './budget-spending.ts'

/** Headers that say what is left: of the tightest budget that the call is under. */
export type BudgetHeaders = Record<string, string>

export type Budgets = {
  store: BudgetStore
  spending: Spending
  /**
   * What is left for a call, when it is under a budget. From memory, but for the first call of a subject in a period.
   * @throws AppError `rate_limited` as `budget_exceeded`, with when the period ends
   */
  require(caller: Person, projectId: string | undefined): BudgetHeaders | undefined | Promise<BudgetHeaders | undefined>
  /** Reads the budgets again, after one was changed here; other replicas do so within seconds. */
  changed(): Promise<unknown>
}

export type BudgetsOptions = { store: BudgetStore; waiting: () => Iterable<ModelCall>; now: () => Date; log: Logger }

const RULES_FRESH_MS = 5_000
const SPENT_FRESH_MS = 2_000

type Left = { budget: Budget; tokens: number; microUsd: number }

/**
 * The rule: a call is let in as long as what its person, key and project have spent in the period is below each of
 * their budgets. Spent are calls that have ended: of this process at once, of other replicas within about three
 * seconds. So a budget is passed by what is in flight, and by what others ended in these seconds, and by no more.
 */
export function createBudgets({ store, waiting, now, log }: BudgetsOptions): Budgets {
  const onFailed = (error: unknown) => log.warn({ err: error }, 'budgets could not be read; what is known holds')
  const spending = createSpending({ store, waiting, onFailed, freshMs: SPENT_FRESH_MS })
  const rules = createRemembered({ read: async () => bySubject(await store.all()), freshMs: RULES_FRESH_MS, onFailed })

  const judge = (known: ReadonlyMap<string, Budget[]>, caller: Person, projectId: string | undefined) => {
    if (known.size === 0) return undefined
    const at = now()
    const budgets = [
      ...(known.get(keyOf('user', caller.subject)) ?? []),
      ...(caller.keyId === undefined ? [] : (known.get(keyOf('key', caller.keyId)) ?? [])),
      ...(projectId === undefined ? [] : (known.get(keyOf('project', projectId)) ?? [])),
    ]
    if (budgets.length === 0) return undefined
    const spent = budgets.map((budget) => spending.of(budget.subject, budget.period, at))
    const decide = (all: Spent[]) =>
      admit(
        budgets.map((budget, index) => leftOf(budget, all[index]!)),
        at,
      )
    return spent.some((each) => each instanceof Promise) ? Promise.all(spent).then(decide) : decide(spent as Spent[])
  }

  return {
    store,
    spending,
    changed: rules.refresh,
    require(caller, projectId) {
      const known = rules.get()
      return known instanceof Promise
        ? known.then((read) => judge(read, caller, projectId))
        : judge(known, caller, projectId)
    },
  }
}

/** What is left of a budget; never below nothing, and infinite where it sets nothing. */
export const leftOf = (budget: Budget, spent: Spent): Left => ({
  budget,
  tokens: budget.tokens === null ? Number.POSITIVE_INFINITY : Math.max(0, budget.tokens - spent.tokens),
  microUsd: budget.microUsd === null ? Number.POSITIVE_INFINITY : Math.max(0, budget.microUsd - spent.microUsd),
})

function admit(all: Left[], at: Date): BudgetHeaders {
  const headers = headersOf(all)
  const over = all.find(({ tokens, microUsd }) => tokens === 0 || microUsd === 0)
  if (!over) return headers
  const { period, subject, tokens, microUsd } = over.budget
  const endsAt = periodAt(period, at).to
  const amount = over.tokens === 0 ? `${tokens} tokens` : `${presentUsd(microUsd!)} USD`
  const whose = subject.kind === 'user' ? 'Your' : `The ${subject.kind}'s`
  throw new AppError(
    'rate_limited',
    `${whose} budget of ${amount} for this ${period} is spent; the next ${period} begins at ${endsAt.toISOString()}`,
    {
      wireCode: 'budget_exceeded',
      headers: {
        ...headers,
        'retry-after': String(Math.max(1, Math.ceil((endsAt.getTime() - at.getTime()) / 1000))),
        // OpenAI's clients try again by themselves, unless they are told.
        'x-should-retry': 'false',
      },
    },
  )
}

function headersOf(all: Left[]): BudgetHeaders {
  const tokens = Math.min(...all.map((left) => left.tokens))
  const microUsd = Math.min(...all.map((left) => left.microUsd))
  return {
    ...(Number.isFinite(tokens) ? { 'x-budget-remaining-tokens': String(tokens) } : {}),
    ...(Number.isFinite(microUsd) ? { 'x-budget-remaining-usd': presentUsd(microUsd) } : {}),
  }
}

/** `1.25`, without the rounding of a float. */
export const presentUsd = (microUsd: number): string => (microUsd / 1_000_000).toFixed(6).replace(/\.?0+$/, '')

function bySubject(budgets: Budget[]): ReadonlyMap<string, Budget[]> {
  const map = new Map<string, Budget[]>()
  for (const budget of budgets) {
    const key = keyOf(budget.subject.kind, budget.subject.id)
    map.set(key, [...(map.get(key) ?? []), budget])
  }
  return map
}

const keyOf = (kind: SubjectKind, id: string) => `${kind} ${id}`

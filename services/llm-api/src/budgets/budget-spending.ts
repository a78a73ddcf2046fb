import { createRecentlyUsed } from '@jan/service-kit/recently-used'
import type { ModelCall } from '../usage/model-call.ts'
import type { BudgetStore, Spent, Subject, SubjectKind } from './budget.store.ts'
import { type Period, periodAt } from './budget-period.ts'

/** What subjects have spent in the period that is now. */
export type Spending = {
  /** From memory; only for a subject that was not asked for in this period yet, a promise. */
  of(subject: Subject, period: Period, at: Date): Spent | Promise<Spent>
  /** A call has ended: it counts from now on. */
  add(row: ModelCall): void
  /** These are in the ledger now. */
  written(rows: ModelCall[]): void
}

export type SpendingOptions = {
  store: Pick<BudgetStore, 'spent'>
  /** Calls that have ended and are not known to be in the ledger. */
  waiting: () => Iterable<ModelCall>
  onFailed: (error: unknown) => void
  /** Age from which a sum is read again, in ms. */
  freshMs: number
}

type Entry = {
  subject: Subject
  /** In ms: dates are compared several times slower, and this is done at the end of every call. */
  from: number
  to: number
  /** Of the ledger, when it was last read. */
  sum: Spent
  /** Of ended calls that are on their way into the ledger. */
  waiting: Spent
  /** Of those that have come there since the last reading began. */
  arrived: Spent
  readAt: number
  reading: Promise<Spent> | undefined
  isKnown: boolean
}

const MOST = 20_000
const IDLE_MS = 600_000

/**
 * Spent is what the ledger says (read at most every `freshMs` for each subject, in the background), and what has ended
 * in this process and was not in it then. A call that arrives while the ledger is being read may count twice until the
 * next reading: an error to the safe side.
 */
export function createSpending({ store, waiting, onFailed, freshMs }: SpendingOptions): Spending {
  const subjects = createRecentlyUsed<Partial<Record<Period, Entry>>>({ most: MOST, idleMs: IDLE_MS }, () => undefined)

  /** As long as nobody has a budget. */
  let isIdle = true

  const read = (entry: Entry): Promise<Spent> => {
    entry.readAt = performance.now()
    const before = { ...entry.arrived }
    const reading = store
      .spent(entry.subject, new Date(entry.from), new Date(entry.to))
      .then((sum) => {
        entry.sum = sum
        add(entry.arrived, before, -1)
        entry.isKnown = true
        return total(entry)
      })
      .finally(() => {
        entry.reading = undefined
      })
    entry.reading = reading
    return reading
  }

  const open = (subject: Subject, period: Period, at: Date): Entry => {
    const { from, to } = periodAt(period, at)
    const entry: Entry = {
      subject,
      from: from.getTime(),
      to: to.getTime(),
      sum: nothing(),
      waiting: nothing(),
      arrived: nothing(),
      readAt: 0,
      reading: undefined,
      isKnown: false,
    }
    for (const row of waiting()) if (concerns(entry, row)) add(entry.waiting, spentBy(row))
    return entry
  }

  const eachOf = (row: ModelCall, act: (entry: Entry) => void) => {
    if (isIdle) return
    const at = performance.now()
    const actOn = (kind: SubjectKind, id: string) => {
      const entries = subjects.get(keyOf(kind, id), at)
      if (!entries) return
      if (entries.day && concerns(entries.day, row)) act(entries.day)
      if (entries.month && concerns(entries.month, row)) act(entries.month)
    }
    actOn('user', row.createdBy)
    if (row.keyId !== null) actOn('key', row.keyId)
    if (row.projectId !== null) actOn('project', row.projectId)
  }

  return {
    of(subject, period, at) {
      isIdle = false
      const key = keyOf(subject.kind, subject.id)
      const now = performance.now()
      const entries = subjects.get(key, now) ?? {}
      let entry = entries[period]
      if (!entry || entry.to <= at.getTime()) {
        entry = open(subject, period, at)
        entries[period] = entry
        subjects.set(key, entries, now)
      }
      if (!entry.isKnown) return entry.reading ?? read(entry)
      if (!entry.reading && now - entry.readAt > freshMs) read(entry).catch(onFailed)
      return total(entry)
    },
    add: (row) => eachOf(row, (entry) => add(entry.waiting, spentBy(row))),
    written(rows) {
      for (const row of rows)
        eachOf(row, (entry) => {
          add(entry.waiting, spentBy(row), -1)
          add(entry.arrived, spentBy(row))
        })
    },
  }
}

const keyOf = (kind: SubjectKind, id: string) => `${kind} ${id}`

/** A call belongs to the period in which it began. */
const concerns = ({ subject: { kind, id }, from, to }: Entry, row: ModelCall) => {
  if ((kind === 'user' ? row.createdBy : kind === 'key' ? row.keyId : row.projectId) !== id) return false
  const at = row.startedAt
  return at >= from && at < to
}

const spentBy = (row: ModelCall): Spent => ({
  tokens: row.promptTokens + row.completionTokens,
  microUsd: row.costMicroUsd,
})

const nothing = (): Spent => ({ tokens: 0, microUsd: 0 })

function add(to: Spent, { tokens, microUsd }: Spent, times: 1 | -1 = 1): void {
  to.tokens += times * tokens
  to.microUsd += times * microUsd
}

const total = ({ sum, waiting, arrived }: Entry): Spent => ({
  tokens: sum.tokens + waiting.tokens + arrived.tokens,
  microUsd: sum.microUsd + waiting.microUsd + arrived.microUsd,
})

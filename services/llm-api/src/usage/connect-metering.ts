import { randomUUID } from 'node:crypto'
import type { Closers } from '@jan/service-kit/lifecycle'
import type { Logger } from '@jan/service-kit/logger'
import type { HttpMetrics } from '@jan/service-kit/metrics'
import type { Redis } from '@jan/service-kit/redis'
import type { BudgetStore } from '../budgets/budget.store.ts'
import { type Budgets, createBudgets } from '../budgets/budgets.ts'
import type { LimitStore } from '../limits/limit.store.ts'
import { createLimits, type LimitSettings, type Limits } from '../limits/limits.ts'
import { createCallMetrics } from './call-metrics.ts'
import type { LedgerStore } from './ledger.store.ts'
import { createLedger } from './ledger.ts'
import { createMeter, type Meter } from './metering.ts'
import { createPayloadChoices, type PayloadChoices } from './payload-choices.ts'
import type { UsageStore } from './usage.store.ts'
import type { WorkspaceSettingsStore } from './workspace-settings.store.ts'

/** What calls of models are measured, limited and paid by. */
export type MeteringParts = {
  meter: Meter
  /** Rows that are written. */
  ledger: LedgerStore
  usage: UsageStore
  budgets: Budgets
  limits: Limits
  payloads: PayloadChoices
}

export type MeteringStores = {
  ledger: LedgerStore
  usage: UsageStore
  budgets: BudgetStore
  limits: LimitStore
  settings: WorkspaceSettingsStore
}

export type MeteringOptions = {
  redis: Redis | undefined
  metrics: Pick<HttpMetrics, 'counter' | 'histogram' | 'gauge'>
  log: Logger
  closers: Closers
  now: () => Date
}

/** Opened after the database and before what calls models, so that it is closed between them: the last call is written. */
export function connectMetering(
  settings: LimitSettings,
  stores: MeteringStores,
  options: MeteringOptions,
): MeteringParts {
  const { redis, log, closers, now } = options
  const metrics = createCallMetrics(options.metrics, () => rows.size())
  const budgets = createBudgets({ store: stores.budgets, waiting: () => rows.waiting(), now, log })
  const rows = createLedger({
    store: stores.ledger,
    onWritten: (written) => {
      metrics.written(written.length)
      budgets.spending.written(written)
    },
    onLost: metrics.lost,
    log,
  })
  closers.add('ledger', rows, () => rows.close())
  const limits = createLimits({ settings, store: stores.limits, redis, replica: randomUUID(), log })
  closers.add('call limits', limits, () => limits.close())
  const payloads = createPayloadChoices(stores.settings, log)
  const meter = createMeter({ limits, budgets, ledger: rows, payloads, metrics, now, newCallId })
  return { meter, ledger: stores.ledger, usage: stores.usage, budgets, limits, payloads }
}

/** Ten times cheaper than an id of this platform's own form, of which clients see none here. */
const newCallId = () => `call_${randomUUID()}`

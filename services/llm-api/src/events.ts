import type { Logger } from '@jan/service-kit/logger'
import { Counter, type Registry } from 'prom-client'

/** What happens here that an operator counts. One function per event: a line in the log and a number. */
export type Events = {
  guests: Counter
  syncs: Counter<'outcome'>
  upstreamFailures: Counter<'status'>
}

export const createEvents = (registry: Registry): Events => ({
  guests: new Counter({ name: 'llm_guests_created_total', help: 'Guests made', registers: [registry] }),
  syncs: new Counter({
    name: 'llm_model_syncs_total',
    help: 'Times the provider was asked for its models',
    labelNames: ['outcome'],
    registers: [registry],
  }),
  upstreamFailures: new Counter({
    name: 'llm_upstream_failures_total',
    help: 'Completions that the provider refused or did not finish, by the status told to the client',
    labelNames: ['status'],
    registers: [registry],
  }),
})

export function noteGuestCreated(events: Events, log: Logger, userId: string): void {
  events.guests.inc()
  log.info({ user_id: userId }, 'guest created')
}

export function noteModelsSynced(events: Events, log: Logger, count: number): void {
  events.syncs.inc({ outcome: 'ok' })
  log.debug({ models: count }, 'models synced')
}

export function noteSyncFailed(events: Events, log: Logger, error: unknown): void {
  events.syncs.inc({ outcome: 'failed' })
  log.warn({ err: error }, 'the models could not be synced')
}

export function noteUpstreamFailure(events: Events, status: number): void {
  events.upstreamFailures.inc({ status: String(status) })
}

import type { Logger } from '@jan/service-kit/logger'
import type { HttpMetrics } from '@jan/service-kit/metrics'

/** What happens here that an operator counts. One function per event: a line in the log and a number. */
export type Events = ReturnType<typeof createEvents>

export const createEvents = ({ counter }: Pick<HttpMetrics, 'counter'>) => ({
  guests: counter('llm_guests_created_total', 'Guests made', []),
  syncs: counter('llm_model_syncs_total', 'Times the provider was asked for its models', ['outcome']),
  upstreamFailures: counter(
    'llm_upstream_failures_total',
    'Completions that the provider refused or did not finish, by the status told to the client',
    ['status'],
  ),
})

export function noteGuestCreated(events: Events, log: Logger, userId: string): void {
  events.guests.inc({})
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

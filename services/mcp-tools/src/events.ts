import type { Person } from '@jan/service-kit/auth'
import type { Logger } from '@jan/service-kit/logger'

/** Never what was asked or answered: queries, pages and programs belong to people. */
export function toolCalled(
  log: Logger,
  event: { tool: string; outcome: 'ok' | 'refused' | 'failed' | 'timeout' | 'cancelled'; ms: number },
): void {
  log.info(event, 'tool called')
}

/** An act of administration: who changed the rules for tools, and how. */
export function policyChanged(
  log: Logger,
  { actor, ...event }: { actor: Person; change: 'set' | 'reset'; rules?: number },
): void {
  const { subject, kind, keyId } = actor
  log.info(
    { audit: { act: `tool_policy.${event.change}`, actor: subject, kind, keyId }, ...event },
    'tool policy changed',
  )
}

import type { Logger } from '@jan/service-kit/logger'

/** Never what was asked or answered: queries, pages and programs belong to people. */
export function toolCalled(
  log: Logger,
  event: { tool: string; outcome: 'ok' | 'refused' | 'failed' | 'timeout' | 'cancelled'; ms: number },
): void {
  log.info(event, 'tool called')
}

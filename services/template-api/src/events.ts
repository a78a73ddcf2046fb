import type { Logger } from '@jan/service-kit/logger'
import type { HttpMetrics } from '@jan/service-kit/metrics'
import type { Note } from './notes/note.store.ts'

/** What happens here that an operator counts. One function per event: a line in the log and a number. */
export type Events = ReturnType<typeof createEvents>

export const createEvents = ({ counter }: Pick<HttpMetrics, 'counter'>) => ({
  notes: counter('template_notes_created_total', 'Notes made', []),
})

export function noteCreated(events: Events, log: Logger, { id, workspaceId }: Note): void {
  events.notes.inc({})
  log.info({ note_id: id, workspace_id: workspaceId }, 'note created')
}

import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { noteCreated } from '../events.ts'
import type { CreateNote } from './note.schema.ts'
import type { Note } from './note.store.ts'

/** Keeps a text in the caller's workspace. */
export async function createNote(
  deps: Pick<Deps, 'notes' | 'events'>,
  { caller, log, newId, startedAt }: Who,
  { text }: CreateNote,
): Promise<Note> {
  const { workspaceId, subject: createdBy } = caller
  const note = await deps.notes.insertOrFind({ id: newId('note'), workspaceId, createdBy, text, createdAt: startedAt })
  noteCreated(deps.events, log, note)
  return note
}

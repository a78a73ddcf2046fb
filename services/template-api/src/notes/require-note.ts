import { AppError } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { Note } from './note.store.ts'

const ID = /^note_[0-9a-z]{24}$/

/** @throws AppError `not_found` for an id that is unknown, or another workspace's */
export async function requireNote({ notes }: Pick<Deps, 'notes'>, { caller }: Who, id: string): Promise<Note> {
  // What is no id of ours is not worth a question, and may hold what PostgreSQL refuses.
  const note = ID.test(id) ? await notes.find(caller.workspaceId, id) : null
  if (!note) throw new AppError('not_found', `Note not found: ${id}`)
  return note
}

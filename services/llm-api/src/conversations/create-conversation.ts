import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { requireProject } from '../projects/require-project.ts'
import type { Conversation, NewItem } from './conversation-row.store.ts'
import { bytesOf } from './conversation-row.store.ts'
import { ownerOf } from './require-conversation.ts'
import { requireRoom } from './require-room.ts'

export type NewConversationInput = {
  /** The request's own when absent; a service may give one. */
  id?: string | undefined
  title?: string | null | undefined
  metadata?: Record<string, string> | null | undefined
  referrer?: string | null | undefined
  projectId?: string | null | undefined
  items?: NewItem[] | undefined
}

/**
 * Makes it with its items, or nothing; gives the one of this id when there is one already.
 * @throws AppError `not_found` for a project that is not the caller's, `conflict` for an id that is somebody else's
 */
export async function createConversation(
  deps: Pick<Deps, 'conversations' | 'projects' | 'now'>,
  who: Who,
  input: NewConversationInput,
): Promise<Conversation> {
  if (input.projectId) await requireProject(deps, who, input.projectId)
  return insertConversation(deps, who, input)
}

/** The same, in a project that need not be there any more. */
export async function insertConversation(
  deps: Pick<Deps, 'conversations' | 'now'>,
  who: Pick<Who, 'caller' | 'newId'>,
  { id, title, metadata, referrer, projectId, items = [] }: NewConversationInput,
): Promise<Conversation> {
  requireRoom({ items: items.length, bytes: bytesOf(items) }, deps.conversations.room)
  const conversation = {
    ...ownerOf(who),
    id: id ?? who.newId('conv', 16),
    title: title || null,
    metadata: metadata ?? {},
    referrer: referrer ?? null,
    projectId: projectId || null,
    createdAt: deps.now(),
  }
  return deps.conversations.create(conversation, items)
}

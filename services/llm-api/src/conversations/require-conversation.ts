import { notFound } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { Conversation, Owner } from './conversation-row.store.ts'

const ID = /^[A-Za-z0-9_-]{1,128}$/

/** Whether it may be an id at all; what is none is not looked for. */
export const isId = (id: string): boolean => ID.test(id)

export const noSuchConversation = (id: string) => notFound('Conversation', id)
export const noSuchItem = (id: string) => notFound('Item', id)

export const ownerOf = ({ caller }: Pick<Who, 'caller'>): Owner => ({
  workspaceId: caller.workspaceId,
  createdBy: caller.subject,
})

/** @throws AppError `not_found` for another workspace's, for a deleted one, and for what is no id at all */
export async function requireConversation(
  { conversations }: Pick<Deps, 'conversations'>,
  { caller }: Pick<Who, 'caller'>,
  id: string,
): Promise<Conversation> {
  const conversation = isId(id) ? await conversations.find(caller.workspaceId, id) : undefined
  if (!conversation) throw noSuchConversation(id)
  return conversation
}

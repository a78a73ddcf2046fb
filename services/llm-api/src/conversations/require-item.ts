import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { ConversationItem } from './conversation-row.store.ts'
import { isId, noSuchItem } from './require-conversation.ts'

export type ItemPlace = { id: string; itemId: string }

/** @throws AppError `not_found` when the caller has no such item in no such conversation */
export async function requireItem(
  { conversations }: Pick<Deps, 'conversations'>,
  { caller }: Pick<Who, 'caller'>,
  { id, itemId }: ItemPlace,
): Promise<ConversationItem> {
  const item = isId(id) && isId(itemId) ? await conversations.items.find(caller.workspaceId, id, itemId) : undefined
  if (!item) throw noSuchItem(itemId)
  return item
}

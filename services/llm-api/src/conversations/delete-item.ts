import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { Conversation } from './conversation-row.store.ts'
import { isId, noSuchItem, requireConversation } from './require-conversation.ts'
import type { ItemPlace } from './require-item.ts'

/** In every branch that shares it. @returns its conversation, as OpenAI does @throws AppError `not_found` */
export async function deleteItem(
  deps: Pick<Deps, 'conversations' | 'now'>,
  who: Who,
  { id, itemId }: ItemPlace,
): Promise<Conversation> {
  const { items } = deps.conversations
  const isGone = isId(id) && isId(itemId) && (await items.delete(who.caller.workspaceId, id, itemId, deps.now()))
  if (!isGone) throw noSuchItem(itemId)
  return requireConversation(deps, who, id)
}

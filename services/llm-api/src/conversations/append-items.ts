import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { ConversationItem } from './conversation-row.store.ts'
import { isId, noSuchConversation, ownerOf } from './require-conversation.ts'
import { takeItems } from './take-items.ts'

/** @throws AppError `invalid_request` that names the place, or for a full conversation; `not_found` */
export async function appendItems(
  deps: Pick<Deps, 'conversations' | 'now'>,
  who: Who,
  { id, items, title }: { id: string; items: unknown[]; title?: string | undefined },
): Promise<ConversationItem[]> {
  const taken = takeItems(who, items)
  if (!isId(id)) throw noSuchConversation(id)
  const addition = { conversationId: id, items: taken, at: deps.now(), title: title || undefined }
  return deps.conversations.items.append(ownerOf(who), addition)
}

import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { Conversation, ConversationItem } from './conversation-row.store.ts'
import { isId, noSuchConversation } from './require-conversation.ts'

const MOST = 1000

/** Of the active branch, oldest first, at most the newest 1,000, in one query. @throws AppError `not_found` */
export async function readHistory(
  { conversations }: Pick<Deps, 'conversations'>,
  { caller }: Pick<Who, 'caller'>,
  id: string,
): Promise<{ conversation: Conversation; items: ConversationItem[] }> {
  const read = isId(id) ? await conversations.read(caller.workspaceId, id, { order: 'desc', limit: MOST }) : undefined
  if (!read) throw noSuchConversation(id)
  return { conversation: read.conversation, items: read.items.reverse() }
}

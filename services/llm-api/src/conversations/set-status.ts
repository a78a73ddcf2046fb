import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { Conversation } from './conversation-row.store.ts'
import { isId, noSuchConversation } from './require-conversation.ts'

/** Archives or restores; what is so already stays so. @throws AppError `not_found` */
export async function setStatus(
  { conversations }: Pick<Deps, 'conversations'>,
  { caller }: Who,
  { id, status }: Pick<Conversation, 'id' | 'status'>,
): Promise<Conversation> {
  const changed = isId(id) ? await conversations.update(caller.workspaceId, id, { status }) : undefined
  if (!changed) throw noSuchConversation(id)
  return changed
}

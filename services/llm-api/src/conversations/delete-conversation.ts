import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { isId, noSuchConversation } from './require-conversation.ts'

/** From now on it is nowhere to be seen. @throws AppError `not_found`, also the second time */
export async function deleteConversation(
  { conversations, now }: Pick<Deps, 'conversations' | 'now'>,
  { caller }: Who,
  id: string,
): Promise<void> {
  const isGone = isId(id) && (await conversations.delete(caller.workspaceId, id, now()))
  if (!isGone) throw noSuchConversation(id)
}

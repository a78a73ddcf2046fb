import { notFound } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { Conversation } from './conversation-row.store.ts'
import { isId, noSuchConversation } from './require-conversation.ts'

/** From now on it is the one that is read and added to. @throws AppError `not_found` for the conversation and the branch */
export async function activateBranch(
  { conversations }: Pick<Deps, 'conversations'>,
  { caller: { workspaceId } }: Who,
  { id, branch }: { id: string; branch: string },
): Promise<Conversation> {
  const branches = isId(id) ? await conversations.branches.list(workspaceId, id) : []
  if (!branches.some(({ name }) => name === branch)) throw notFound('Branch', branch)
  const changed = await conversations.update(workspaceId, id, { activeBranch: branch })
  if (!changed) throw noSuchConversation(id)
  return changed
}

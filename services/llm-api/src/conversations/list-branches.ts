import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { presentBranch } from './present-conversation.ts'
import { presentRows } from './present-rows.ts'
import { requireConversation } from './require-conversation.ts'

/** @throws AppError `not_found` */
export async function listBranches(deps: Pick<Deps, 'conversations'>, who: Who, id: string) {
  const { activeBranch } = await requireConversation(deps, who, id)
  const branches = await deps.conversations.branches.list(who.caller.workspaceId, id)
  const rows = branches.map((branch) => presentBranch(branch, activeBranch))
  return presentRows(rows, rows.length)
}

import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { requireProject } from '../projects/require-project.ts'
import type { UpdateConversation } from './conversation.schema.ts'
import type { Conversation } from './conversation-row.store.ts'
import { isId, noSuchConversation, requireConversation } from './require-conversation.ts'

/**
 * Changes what is named, and nothing else; `null` and an empty text clear it.
 * @throws AppError `not_found` for the conversation, and for a project that is not the caller's
 */
export async function updateConversation(
  deps: Pick<Deps, 'conversations' | 'projects'>,
  who: Who,
  { id, title, metadata, referrer, project_id: projectId }: UpdateConversation & { id: string },
): Promise<Conversation> {
  if (projectId) await requireProjectOrStay(deps, who, { id, projectId })
  const change = {
    ...(title === undefined ? {} : { title: title || null }),
    ...(metadata === undefined ? {} : { metadata: metadata ?? {} }),
    ...(referrer === undefined ? {} : { referrer }),
    ...(projectId === undefined ? {} : { projectId: projectId || null }),
  }
  const updated = isId(id) ? await deps.conversations.update(who.caller.workspaceId, id, change) : undefined
  if (!updated) throw noSuchConversation(id)
  return updated
}

/** A conversation stays with a project that was deleted, and may be sent back with it. */
async function requireProjectOrStay(
  deps: Pick<Deps, 'conversations' | 'projects'>,
  who: Who,
  { id, projectId }: { id: string; projectId: string },
): Promise<void> {
  const stays = async () => (await requireConversation(deps, who, id)).projectId === projectId
  await requireProject(deps, who, projectId).catch(async (error: unknown) => {
    if (!(await stays())) throw error
  })
}

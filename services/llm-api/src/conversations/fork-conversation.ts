import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { Conversation } from './conversation-row.store.ts'
import { insertConversation } from './create-conversation.ts'
import { isId, noSuchConversation } from './require-conversation.ts'
import { requireItem } from './require-item.ts'
import { withNewNames } from './take-items.ts'

export type Fork = {
  id: string
  /** The last item that is copied; the last one of the active branch when absent. */
  itemId?: string | undefined
  title?: string | undefined
}

/**
 * A new conversation with copies of the items up to one, in the branch where that one was added. Its project, referrer
 * and metadata are the old one's, and so is its title when none is given. @throws AppError `not_found`
 */
export async function forkConversation(
  deps: Pick<Deps, 'conversations' | 'now'>,
  who: Who,
  { id, itemId, title }: Fork,
): Promise<Conversation> {
  const last = itemId === undefined ? undefined : await requireItem(deps, who, { id, itemId })
  const read = isId(id)
    ? await deps.conversations.read(who.caller.workspaceId, id, {
        order: 'asc',
        limit: deps.conversations.room.items,
        ...(last ? { branch: last.branch, upTo: last.seq } : {}),
      })
    : undefined
  if (!read) throw noSuchConversation(id)
  const named = new Map(read.items.map((item) => [item.id, who.newId('msg', 16)]))
  const copies = read.items.map((each) => ({ id: named.get(each.id)!, item: each.item }))
  const { metadata, referrer, projectId } = read.conversation
  const items = withNewNames(copies, named)
  return insertConversation(deps, who, {
    title: title ?? read.conversation.title,
    metadata,
    referrer,
    projectId,
    items,
  })
}

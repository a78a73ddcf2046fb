import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { cursorOf, positionOf } from './activity-cursor.ts'
import type { ConversationListQuery } from './conversation.schema.ts'
import { filterOf } from './filter-of.ts'
import { presentConversation } from './present-conversation.ts'
import { presentRows } from './present-rows.ts'

const MOST = 100

/** @throws AppError `invalid_request` for a cursor that is none of the caller's */
export async function listConversations(deps: Pick<Deps, 'conversations'>, who: Who, query: ConversationListQuery) {
  const limit = Math.min(query.limit, MOST)
  const { workspaceId } = who.caller
  const filter = filterOf(query)
  const after = await positionOf(deps, who, query.after || query.cursor)
  const [rows, total] = await Promise.all([
    deps.conversations.list(workspaceId, filter, { limit, order: query.order, after }),
    deps.conversations.count(workspaceId, filter),
  ])
  const last = rows.length > limit ? rows[limit - 1] : undefined
  return {
    ...presentRows(rows.map(presentConversation), limit),
    ...(last ? { next_cursor: cursorOf(last) } : {}),
    total,
  }
}

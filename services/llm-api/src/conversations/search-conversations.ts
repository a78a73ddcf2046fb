import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { cursorOf, positionOf } from './activity-cursor.ts'
import type { SearchQuery } from './conversation.schema.ts'
import { filterOf } from './filter-of.ts'
import { presentConversation } from './present-conversation.ts'
import { presentRows } from './present-rows.ts'
import { snippetOf } from './snippet-of.ts'
import { textOf } from './text-of.ts'
import { tsqueryOf, wordsIn } from './words-of.ts'

/** Conversations whose title, or one of whose items, has words that begin like all that were asked for. */
export async function searchConversations(deps: Pick<Deps, 'conversations'>, who: Who, query: SearchQuery) {
  const { workspaceId } = who.caller
  const words = [...wordsIn(query.query)]
  const tsquery = tsqueryOf(workspaceId, words)
  const after = await positionOf(deps, who, query.after || query.cursor)
  const filter = filterOf(query)
  const page = { limit: query.limit, order: 'desc' as const, after }
  const hits = tsquery === undefined ? [] : await deps.conversations.search(workspaceId, tsquery, filter, page)
  const rows = hits.map(({ conversation, item }) => ({
    ...presentConversation(conversation),
    snippet: snippetOf(item ? textOf(item.item) : (conversation.title ?? ''), words),
    ...(item ? { item_id: item.id, branch: item.branch } : {}),
  }))
  const last = hits.length > query.limit ? hits[query.limit - 1]?.conversation : undefined
  return { ...presentRows(rows, query.limit), ...(last ? { next_cursor: cursorOf(last) } : {}) }
}

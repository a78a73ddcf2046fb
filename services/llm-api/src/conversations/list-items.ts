import { invalid, notFound } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { ItemListQuery } from './item.schema.ts'
import { includedIn } from './item.schema.ts'
import { presentItem } from './present-item.ts'
import { presentRows } from './present-rows.ts'
import { isId, noSuchConversation } from './require-conversation.ts'

const MOST = 100

/** @throws AppError `not_found` for the conversation and the branch, `invalid_request` for a cursor that is no item of it */
export async function listItems(
  { conversations }: Pick<Deps, 'conversations'>,
  { caller }: Who,
  { id, ...query }: ItemListQuery & { id: string },
) {
  const limit = Math.min(query.limit, MOST)
  const after = query.after || query.cursor || undefined
  const read = isId(id)
    ? await conversations.read(caller.workspaceId, id, {
        branch: query.branch || undefined,
        order: query.order,
        limit: limit + 1,
        after,
      })
    : undefined
  if (!read) throw noSuchConversation(id)
  if (read.lacks === 'branch') throw notFound('Branch', query.branch ?? '')
  if (read.lacks === 'after') throw invalid('after: there is no such item in this conversation', 'after')
  const included = includedIn(query)
  return presentRows(
    read.items.map((item) => presentItem(item, included)),
    limit,
  )
}

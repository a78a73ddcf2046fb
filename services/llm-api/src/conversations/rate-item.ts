import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { ConversationItem } from './conversation-row.store.ts'
import { isId, noSuchItem } from './require-conversation.ts'
import type { ItemPlace } from './require-item.ts'

export type GivenRating = { rating: 'like' | 'unlike' | null; comment?: string | null | undefined }

/** The last rating stands; none takes the comment with it. @throws AppError `not_found` */
export async function rateItem(
  { conversations, now }: Pick<Deps, 'conversations' | 'now'>,
  { caller }: Who,
  { id, itemId, rating, comment }: ItemPlace & GivenRating,
): Promise<ConversationItem> {
  const given = {
    rating,
    ratingComment: rating === null ? null : comment || null,
    ratedAt: rating === null ? null : now(),
  }
  const isPossible = isId(id) && isId(itemId)
  const rated = isPossible ? await conversations.items.rate(caller.workspaceId, id, itemId, given) : undefined
  if (!rated) throw noSuchItem(itemId)
  return rated
}

import { pagesOf } from '@jan/service-kit/workspace-routes'
import { Prisma, type PrismaClient } from '../generated/prisma/client.ts'
import { type ConversationItem, ITEM, type ItemRow, itemOf, type Owner } from './conversation-row.store.ts'
import { type Addition, append } from './item-append.store.ts'
import type { Room } from './require-room.ts'

export type Rating = Pick<ConversationItem, 'rating' | 'ratingComment'> & { ratedAt: Date | null }
export type KeptItem = ConversationItem & { conversationId: string; deletedAt: Date | null }

/** What was deleted is in none of these, unless they say so. */
export type ItemStore = {
  /**
   * Adds to the active branch, in one transaction. Items whose ids the conversation has already are left as they are;
   * a title is given only to a conversation without one. @returns all of them, as they are stored
   * @throws AppError `not_found`, `invalid_request` when the conversation is full
   */
  append(owner: Owner, addition: Addition): Promise<ConversationItem[]>
  find(workspaceId: string, conversationId: string, id: string): Promise<ConversationItem | undefined>
  /** In every branch that shares it. @returns whether it was there */
  delete(workspaceId: string, conversationId: string, id: string, at: Date): Promise<boolean>
  rate(workspaceId: string, conversationId: string, id: string, rating: Rating): Promise<ConversationItem | undefined>
  /** Of every branch, in order. */
  all(workspaceId: string, conversationId: string): Promise<ConversationItem[]>
  /** All that is kept of a workspace, deleted ones too. */
  of(workspaceId: string): AsyncIterable<KeptItem>
}

/** Each may have megabytes. */
const PAGE = 50

export const createItemStore = (prisma: PrismaClient, most: Room): ItemStore => ({
  append: (owner, addition) => prisma.$transaction((tx) => append(tx, owner, addition, most)),
  find: (workspaceId, conversationId, id) => findItem(prisma, workspaceId, conversationId, id),
  delete: async (workspaceId, conversationId, id, at) => {
    const changed = await prisma.$executeRaw`
      WITH gone AS (
        UPDATE conversation_item i SET deleted_at = ${at}::timestamptz FROM conversation c
        WHERE ${belongs(workspaceId, conversationId)} AND i.id = ${id} AND i.deleted_at IS NULL
        RETURNING i.conversation_id, octet_length(i.item::text) AS bytes)
      UPDATE conversation c SET item_count = item_count - 1, item_bytes = item_bytes - gone.bytes FROM gone WHERE c.id = gone.conversation_id`
    return changed === 1
  },
  rate: async (workspaceId, conversationId, id, { rating, ratingComment, ratedAt }) => {
    const [row] = await prisma.$queryRaw<ItemRow[]>`
      UPDATE conversation_item i
      SET rating = ${rating}, rating_comment = ${ratingComment}, rated_at = ${ratedAt}::timestamptz FROM conversation c
      WHERE ${belongs(workspaceId, conversationId)} AND i.id = ${id} AND i.deleted_at IS NULL RETURNING ${ITEM}`
    return row && itemOf(row)
  },
  all: async (workspaceId, conversationId) => {
    const rows = await prisma.$queryRaw<ItemRow[]>`
      SELECT ${ITEM} FROM conversation_item i, conversation c
      WHERE ${belongs(workspaceId, conversationId)} AND i.deleted_at IS NULL ORDER BY i.seq`
    return rows.map(itemOf)
  },
  of: (workspaceId) =>
    pagesOf<KeptItem>(async (last) => {
      const rows = await prisma.$queryRaw<(ItemRow & Pick<KeptItem, 'conversationId' | 'deletedAt'>)[]>`
        SELECT i.conversation_id AS "conversationId", i.deleted_at AS "deletedAt", ${ITEM}
        FROM conversation_item i JOIN conversation c ON c.id = i.conversation_id
        WHERE c.workspace_id = ${workspaceId}
          AND (i.conversation_id, i.id) > (${last?.conversationId ?? ''}, ${last?.id ?? ''})
        ORDER BY i.conversation_id, i.id LIMIT ${PAGE}`
      return rows.map(({ conversationId, deletedAt, ...row }) => ({ ...itemOf(row), conversationId, deletedAt }))
    }),
})

/** Of an item named `i` and a conversation named `c`. */
const belongs = (workspaceId: string, conversationId: string) =>
  Prisma.sql`i.conversation_id = ${conversationId} AND c.id = i.conversation_id AND c.workspace_id = ${workspaceId}
    AND c.deleted_at IS NULL`

export async function findItem(
  db: Pick<PrismaClient, '$queryRaw'>,
  workspaceId: string,
  conversationId: string,
  id: string,
): Promise<ConversationItem | undefined> {
  const [row] = await db.$queryRaw<ItemRow[]>`
    SELECT ${ITEM} FROM conversation_item i, conversation c
    WHERE ${belongs(workspaceId, conversationId)} AND i.id = ${id} AND i.deleted_at IS NULL`
  return row && itemOf(row)
}

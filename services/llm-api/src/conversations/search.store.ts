import { Prisma, type PrismaClient } from '../generated/prisma/client.ts'
import { type ActivityPage, type ConversationFilter, matching } from './conversation.store.ts'
import { CONVERSATION, type Conversation } from './conversation-row.store.ts'

/** The last of a conversation's items that was hit. */
export type HitItem = { id: string; branch: string; item: Record<string, unknown> }
export type Hit = {
  conversation: Conversation
  /** None when only the title was hit. */
  item: HitItem | undefined
}

export type SearchStore = {
  /** `tsquery` is PostgreSQL's. In the order of activity; one page, and one hit more if there is more. */
  search(workspaceId: string, tsquery: string, filter: ConversationFilter, page: ActivityPage): Promise<Hit[]>
}

type Row = Conversation & { hitId: string | null; hitBranch: string; hitItem: string }

export const createSearchStore = (prisma: PrismaClient): SearchStore => ({
  search: async (workspaceId, tsquery, filter, { limit, after }) => {
    const place = after
      ? Prisma.sql`AND (c.last_activity_at, c.id) < (${after.lastActivityAt}::timestamptz, ${after.id})`
      : Prisma.empty
    const rows = await prisma.$queryRaw<Row[]>`
      SELECT ${CONVERSATION}, hit.id AS "hitId", hit.branch AS "hitBranch", hit.item::text AS "hitItem" FROM (
        SELECT * FROM conversation c
        WHERE ${matching(workspaceId, filter)} ${place} AND (c.words @@ ${tsquery}::tsquery OR c.id IN (
          SELECT i.conversation_id FROM conversation_item i
          WHERE i.words @@ ${tsquery}::tsquery AND i.workspace_id = ${workspaceId} AND i.deleted_at IS NULL))
        ORDER BY c.last_activity_at DESC, c.id DESC LIMIT ${limit + 1}) c
      LEFT JOIN LATERAL (
        SELECT i.id, i.branch, i.item FROM conversation_item i
        WHERE i.conversation_id = c.id AND i.words @@ ${tsquery}::tsquery AND i.deleted_at IS NULL
        ORDER BY i.seq DESC LIMIT 1) hit ON true
      ORDER BY c.last_activity_at DESC, c.id DESC`
    return rows.map(({ hitId, hitBranch, hitItem, ...conversation }) => ({
      conversation,
      item: hitId === null ? undefined : { id: hitId, branch: hitBranch, item: JSON.parse(hitItem) },
    }))
  },
})

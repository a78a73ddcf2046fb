import { Prisma, type PrismaClient } from '../generated/prisma/client.ts'
import { CONVERSATION, type Conversation, type ConversationItem, EVER, withStatus } from './conversation-row.store.ts'

export type Reading = {
  /** The active one when absent. */
  branch?: string | undefined
  order: 'asc' | 'desc'
  limit: number
  /** Items beyond the one with this id. */
  after?: string | undefined
  /** Items up to this number. */
  upTo?: number | undefined
}
export type Read = {
  conversation: Conversation
  items: ConversationItem[]
  /** What was asked for and is not there. */
  lacks?: 'branch' | 'after'
}
type ReadRow = Conversation & { items: string; branchName: string | null; afterSeq: number | null }
type JsonItem = Omit<ConversationItem, 'createdAt' | 'ratedAt' | 'status'> & {
  createdAt: number
  ratedAt: number | null
}

/**
 * A conversation and items of one branch, in one query; what was deleted is not among them. The items come as one JSON
 * text, which PostgreSQL writes and `JSON.parse` reads faster than anybody reads a thousand rows.
 */
export async function readBranch(
  prisma: PrismaClient,
  workspaceId: string,
  id: string,
  reading: Reading,
): Promise<Read | undefined> {
  const { branch = null, order, limit, after, upTo = EVER } = reading
  const [direction, beyond] = [Prisma.raw(order === 'asc' ? 'ASC' : 'DESC'), Prisma.raw(order === 'asc' ? '>' : '<')]
  const [row] = await prisma.$queryRaw<ReadRow[]>`
    SELECT ${CONVERSATION}, b.name AS "branchName", cursor.seq AS "afterSeq", coalesce(found.items, '[]') AS items
    FROM conversation c
    LEFT JOIN conversation_branch b ON b.conversation_id = c.id AND b.name = coalesce(${branch}, c.active_branch)
    LEFT JOIN conversation_item cursor ON cursor.conversation_id = c.id AND cursor.id = ${after ?? null}
    LEFT JOIN LATERAL (
      SELECT json_agg(json_build_object('id', p.id, 'seq', p.seq, 'branch', p.branch, 'item', p.item,
        'rating', p.rating, 'ratingComment', p.rating_comment,
        'ratedAt', round(extract(epoch FROM p.rated_at) * 1000), 'createdAt', round(extract(epoch FROM p.created_at) * 1000))
        ORDER BY p.seq ${direction})::text AS items
      FROM (
        SELECT i.* FROM unnest(b.sources, b.up_to) AS part (source, up_to)
        JOIN conversation_item i ON i.conversation_id = c.id AND i.branch = part.source AND i.seq <= part.up_to
        WHERE i.deleted_at IS NULL AND i.seq <= ${upTo}
          ${after === undefined ? Prisma.empty : Prisma.sql`AND i.seq ${beyond} cursor.seq`}
        ORDER BY i.seq ${direction} LIMIT ${limit}) p) found ON true
    WHERE c.id = ${id} AND c.workspace_id = ${workspaceId} AND c.deleted_at IS NULL`
  if (!row) return undefined
  const { items, branchName, afterSeq, ...conversation } = row
  const lacks = branchName === null ? 'branch' : after !== undefined && afterSeq === null ? 'after' : undefined
  return { conversation, items: (JSON.parse(items) as JsonItem[]).map(itemOfJson), ...(lacks ? { lacks } : {}) }
}

const itemOfJson = ({ createdAt, ratedAt, ...item }: JsonItem): ConversationItem =>
  withStatus({ ...item, createdAt: new Date(createdAt), ratedAt: ratedAt === null ? null : new Date(ratedAt) })

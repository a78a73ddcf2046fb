import { Prisma } from '../generated/prisma/client.ts'
import type { Item } from './read-item.ts'
import { textOf } from './text-of.ts'
import { lexemesOf } from './words-of.ts'

export const MAIN = 'MAIN'
/** Of a branch's own items there is no last one. */
export const EVER = 2_147_483_647

export type Conversation = {
  id: string
  workspaceId: string
  createdBy: string
  title: string | null
  metadata: Record<string, string>
  referrer: string | null
  projectId: string | null
  status: 'active' | 'archived'
  activeBranch: string
  /** Of all branches. */
  itemCount: number
  createdAt: Date
  /** When the last item was added. */
  lastActivityAt: Date
}

export type NewItem = {
  /** Of its own within the conversation. */
  id: string
  /** The OpenAI item as it is. */
  item: Record<string, unknown>
  /** In place of the item's own. */
  status?: string
}

export type ConversationItem = {
  id: string
  item: Item
  status?: string
  /** Counted through the whole conversation, never given twice. */
  seq: number
  /** Where it was added; branches that began later share it. */
  branch: string
  createdAt: Date
  rating: 'like' | 'unlike' | null
  ratingComment: string | null
  ratedAt: Date | null
}

export type Owner = { workspaceId: string; createdBy: string }

/** Of a conversation named `c`. */
export const CONVERSATION = Prisma.raw(`c.id, c.workspace_id AS "workspaceId", c.created_by AS "createdBy", c.title,
  c.metadata, c.referrer, c.project_id AS "projectId", c.status, c.active_branch AS "activeBranch",
  c.item_count AS "itemCount", c.created_at AS "createdAt", c.last_activity_at AS "lastActivityAt"`)

/** Of an item named `i`. */
export const ITEM = Prisma.raw(`i.id, i.seq, i.branch, i.item::text AS item, i.rating,
  i.rating_comment AS "ratingComment", i.rated_at AS "ratedAt", i.created_at AS "createdAt"`)

export type ItemRow = Omit<ConversationItem, 'item' | 'status'> & { item: string }

export const itemOf = ({ item, ...row }: ItemRow): ConversationItem => withStatus({ ...row, item: JSON.parse(item) })

export function withStatus(row: Omit<ConversationItem, 'status'>): ConversationItem {
  const { status } = row.item
  return typeof status === 'string' ? { ...row, status } : row
}

/** As it is written. */
const storedItem = ({ item, status }: NewItem): Item => ({
  type: 'message',
  ...item,
  ...(status === undefined ? {} : { status }),
})

/** What items take, in bytes of their JSON. */
export const bytesOf = (items: NewItem[]): number =>
  items.reduce((sum, item) => sum + Buffer.byteLength(JSON.stringify(storedItem(item))), 0)

type Tx = Pick<Prisma.TransactionClient, '$executeRaw'>
export type Place = Owner & { conversationId: string; branch: string; afterSeq: number; at: Date }

/** Stores items at the end of a branch. The caller holds the row of the conversation, or has just made it. */
export async function insertItems(tx: Tx, place: Place, items: NewItem[]): Promise<ConversationItem[]> {
  if (items.length === 0) return []
  const { workspaceId, createdBy, conversationId, branch, afterSeq, at } = place
  const rows = items.map((item, index) =>
    withStatus({
      id: item.id,
      item: storedItem(item),
      seq: afterSeq + index + 1,
      branch,
      createdAt: at,
      rating: null,
      ratingComment: null,
      ratedAt: null,
    }),
  )
  const ids = rows.map(({ id }) => id)
  const bodies = rows.map(({ item }) => JSON.stringify(item))
  // Lexemes hold no spaces.
  const words = rows.map(({ item }) => lexemesOf(workspaceId, textOf(item)).join(' '))
  await tx.$executeRaw`
    INSERT INTO conversation_item (conversation_id, id, workspace_id, created_by, branch, seq, item, words, created_at)
    SELECT ${conversationId}, n.id, ${workspaceId}, ${createdBy}, ${branch}, ${afterSeq}::int + n.ord::int, n.item::json,
      array_to_tsvector(string_to_array(n.words, ' ')), ${at}::timestamptz
    FROM unnest(${ids}::text[], ${bodies}::text[], ${words}::text[]) WITH ORDINALITY AS n (id, item, words, ord)`
  return rows
}

/** For the title's own index. */
export const titleWords = (workspaceId: string, title: string | null): Prisma.Sql =>
  Prisma.sql`array_to_tsvector(${title === null ? [] : lexemesOf(workspaceId, title)}::text[])`

import { notFound } from '@jan/service-kit/errors'
import { Prisma } from '../generated/prisma/client.ts'
import {
  bytesOf,
  ITEM,
  type ItemRow,
  insertItems,
  itemOf,
  type NewItem,
  type Owner,
  titleWords,
} from './conversation-row.store.ts'
import { type Room, requireRoom } from './require-room.ts'

export type Addition = { conversationId: string; items: NewItem[]; at: Date; title?: string | undefined }

type Counted = { activeBranch: string; lastSeq: number; itemCount: number; itemBytes: number; title: string | null }

/** Its row, and with it its numbers, belong to this transaction until it ends. */
export async function lockConversation(tx: Prisma.TransactionClient, workspaceId: string, id: string) {
  const [row] = await tx.$queryRaw<Counted[]>`
    SELECT active_branch AS "activeBranch", last_seq AS "lastSeq", item_count AS "itemCount",
      item_bytes AS "itemBytes", title FROM conversation
    WHERE id = ${id} AND workspace_id = ${workspaceId} AND deleted_at IS NULL FOR UPDATE`
  if (!row) throw notFound('Conversation', id)
  return row
}

export async function append(tx: Prisma.TransactionClient, owner: Owner, addition: Addition, most: Room) {
  const { conversationId, items, at, title } = addition
  const counted = await lockConversation(tx, owner.workspaceId, conversationId)
  const ids = items.map(({ id }) => id)
  const rows = await tx.$queryRaw<ItemRow[]>`
    SELECT ${ITEM} FROM conversation_item i WHERE i.conversation_id = ${conversationId} AND i.id = ANY(${ids}::text[])`
  const known = new Map(rows.map((row) => [row.id, itemOf(row)]))
  const fresh = items.filter(({ id }) => !known.has(id))
  const bytes = bytesOf(fresh)
  requireRoom({ items: counted.itemCount + fresh.length, bytes: counted.itemBytes + bytes }, most)
  const place = { ...owner, conversationId, branch: counted.activeBranch, afterSeq: counted.lastSeq, at }
  for (const row of await insertItems(tx, place, fresh)) known.set(row.id, row)
  const name = counted.title === null && title !== undefined ? title : undefined
  if (fresh.length > 0 || name !== undefined)
    await tx.$executeRaw`
      UPDATE conversation SET last_seq = last_seq + ${fresh.length}, item_count = item_count + ${fresh.length},
        item_bytes = item_bytes + ${bytes},
        last_activity_at = greatest(last_activity_at, ${at}::timestamptz)
        ${name === undefined ? Prisma.empty : Prisma.sql`, title = ${name}, words = ${titleWords(owner.workspaceId, name)}`}
      WHERE id = ${conversationId}`
  return items.map(({ id }) => known.get(id)!)
}

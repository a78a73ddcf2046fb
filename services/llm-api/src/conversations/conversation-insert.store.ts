import { AppError } from '@jan/service-kit/errors'
import type { Prisma, PrismaClient } from '../generated/prisma/client.ts'
import type { NewConversation } from './conversation.store.ts'
import {
  bytesOf,
  CONVERSATION,
  type Conversation,
  EVER,
  insertItems,
  MAIN,
  type NewItem,
  titleWords,
} from './conversation-row.store.ts'

export async function findConversation(db: Pick<PrismaClient, '$queryRaw'>, workspaceId: string, id: string) {
  const [row] = await db.$queryRaw<Conversation[]>`
    SELECT ${CONVERSATION} FROM conversation c
    WHERE c.id = ${id} AND c.workspace_id = ${workspaceId} AND c.deleted_at IS NULL`
  return row
}

export async function insertConversation(
  tx: Prisma.TransactionClient,
  made: NewConversation,
  items: NewItem[],
): Promise<Conversation> {
  const { id, workspaceId, createdBy, title, metadata, referrer, projectId, createdAt } = made
  const [row] = await tx.$queryRaw<Conversation[]>`
    INSERT INTO conversation AS c (id, workspace_id, created_by, title, metadata, referrer, project_id, item_count,
      item_bytes, last_seq, words, created_at, last_activity_at)
    VALUES (${id}, ${workspaceId}, ${createdBy}, ${title}, ${JSON.stringify(metadata)}::jsonb, ${referrer}, ${projectId},
      ${items.length}, ${bytesOf(items)}, ${items.length}, ${titleWords(workspaceId, title)}, ${createdAt}::timestamptz, ${createdAt}::timestamptz)
    ON CONFLICT (id) DO NOTHING RETURNING ${CONVERSATION}`
  if (!row) {
    const known = await findConversation(tx, workspaceId, id)
    if (!known) throw new AppError('conflict', `The id '${id}' is taken`)
    return known
  }
  await tx.$executeRaw`
    INSERT INTO conversation_branch (conversation_id, name, workspace_id, created_by, first_seq, sources, up_to, created_at)
    VALUES (${id}, ${MAIN}, ${workspaceId}, ${createdBy}, 1, ${[MAIN]}::text[], ${[EVER]}::int[], ${createdAt}::timestamptz)`
  const place = { workspaceId, createdBy, conversationId: id, branch: MAIN, afterSeq: 0, at: createdAt }
  await insertItems(tx, place, items)
  return row
}

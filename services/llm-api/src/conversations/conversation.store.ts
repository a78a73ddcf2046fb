import { pagesOf } from '@jan/service-kit/workspace-routes'
import { Prisma, type PrismaClient } from '../generated/prisma/client.ts'
import { findConversation, insertConversation } from './conversation-insert.store.ts'
import { CONVERSATION, type Conversation, type NewItem, titleWords } from './conversation-row.store.ts'

export type NewConversation = Omit<Conversation, 'status' | 'activeBranch' | 'itemCount' | 'lastActivityAt'>
export type ConversationChange = Partial<
  Pick<Conversation, 'title' | 'metadata' | 'referrer' | 'projectId' | 'status' | 'activeBranch'>
>
export type ConversationFilter = {
  status?: Conversation['status'] | undefined
  projectId?: string | undefined
  referrer?: string | undefined
}
/** A place in the order by last activity. */
export type Position = { lastActivityAt: Date; id: string }
export type ActivityPage = { limit: number; order: 'asc' | 'desc'; after?: Position | undefined }
export type Kept = Conversation & { deletedAt: Date | null }

/** What was deleted is in none of these, unless they say so. */
export type ConversationStore = {
  /** With its items, or not at all; the one of this id when the workspace has it. @throws AppError `conflict` when another has */
  create(conversation: NewConversation, items: NewItem[]): Promise<Conversation>
  find(workspaceId: string, id: string): Promise<Conversation | undefined>
  /** Where one stands, or stood: also of a deleted one. */
  positionOf(workspaceId: string, id: string): Promise<Position | undefined>
  update(workspaceId: string, id: string, change: ConversationChange): Promise<Conversation | undefined>
  /** One page, and one row more if there is more. */
  list(workspaceId: string, filter: ConversationFilter, page: ActivityPage): Promise<Conversation[]>
  count(workspaceId: string, filter: ConversationFilter): Promise<number>
  /** @returns whether it was there */
  delete(workspaceId: string, id: string, at: Date): Promise<boolean>
  /** All that is kept of a workspace, deleted ones too. */
  of(workspaceId: string): AsyncIterable<Kept>
  /** Whole, for ever. */
  eraseAll(workspaceId: string): Promise<void>
}

const PAGE = 200
const ERASED_AT_ONCE = 50

export const createConversationStore = (prisma: PrismaClient): ConversationStore => ({
  create: (conversation, items) => prisma.$transaction((tx) => insertConversation(tx, conversation, items)),
  find: (workspaceId, id) => findConversation(prisma, workspaceId, id),
  positionOf: async (workspaceId, id) =>
    (await prisma.conversation.findUnique({
      where: { id, workspaceId },
      select: { id: true, lastActivityAt: true },
    })) ?? undefined,
  update: async (workspaceId, id, change) => {
    const sets = setsOf(workspaceId, change)
    if (sets.length === 0) return findConversation(prisma, workspaceId, id)
    const [row] = await prisma.$queryRaw<Conversation[]>`
      UPDATE conversation AS c SET ${Prisma.join(sets)}
      WHERE c.id = ${id} AND c.workspace_id = ${workspaceId} AND c.deleted_at IS NULL RETURNING ${CONVERSATION}`
    return row
  },
  list: (workspaceId, filter, { limit, order, after }) => {
    const direction = Prisma.raw(order === 'asc' ? 'ASC' : 'DESC')
    const beyond = Prisma.raw(order === 'asc' ? '>' : '<')
    const place = after
      ? Prisma.sql`AND (c.last_activity_at, c.id) ${beyond} (${after.lastActivityAt}::timestamptz, ${after.id})`
      : Prisma.empty
    return prisma.$queryRaw<Conversation[]>`
      SELECT ${CONVERSATION} FROM conversation c WHERE ${matching(workspaceId, filter)} ${place}
      ORDER BY c.last_activity_at ${direction}, c.id ${direction} LIMIT ${limit + 1}`
  },
  count: async (workspaceId, filter) => {
    const [row] = await prisma.$queryRaw<{ total: number }[]>`
      SELECT count(*)::int AS total FROM conversation c WHERE ${matching(workspaceId, filter)}`
    return row!.total
  },
  delete: async (workspaceId, id, deletedAt) => {
    const where = { id, workspaceId, deletedAt: null }
    return (await prisma.conversation.updateMany({ where, data: { deletedAt } })).count === 1
  },
  of: (workspaceId) =>
    pagesOf<Kept>(
      (last) => prisma.$queryRaw<Kept[]>`
        SELECT ${CONVERSATION}, c.deleted_at AS "deletedAt" FROM conversation c
        WHERE c.workspace_id = ${workspaceId} AND c.id > ${last?.id ?? ''} ORDER BY c.id LIMIT ${PAGE}`,
    ),
  eraseAll: async (workspaceId) => {
    // Some at a time, each with its items: no statement may take as long as all of them would.
    while (
      (await prisma.$executeRaw`
        DELETE FROM conversation
        WHERE id IN (SELECT id FROM conversation WHERE workspace_id = ${workspaceId} LIMIT ${ERASED_AT_ONCE})`) > 0
    );
  },
})

/** Of a conversation named `c`. */
export const matching = (workspaceId: string, { status, projectId, referrer }: ConversationFilter): Prisma.Sql =>
  Prisma.join(
    [
      Prisma.sql`c.workspace_id = ${workspaceId} AND c.deleted_at IS NULL`,
      ...(status === undefined ? [] : [Prisma.sql`c.status = ${status}`]),
      ...(projectId === undefined ? [] : [Prisma.sql`c.project_id = ${projectId}`]),
      ...(referrer === undefined ? [] : [Prisma.sql`c.referrer = ${referrer}`]),
    ],
    ' AND ',
  )

const setsOf = (workspaceId: string, change: ConversationChange): Prisma.Sql[] => [
  ...(change.title === undefined
    ? []
    : [Prisma.sql`title = ${change.title}, words = ${titleWords(workspaceId, change.title)}`]),
  ...(change.metadata === undefined ? [] : [Prisma.sql`metadata = ${JSON.stringify(change.metadata)}::jsonb`]),
  ...(change.referrer === undefined ? [] : [Prisma.sql`referrer = ${change.referrer}`]),
  ...(change.projectId === undefined ? [] : [Prisma.sql`project_id = ${change.projectId}`]),
  ...(change.status === undefined ? [] : [Prisma.sql`status = ${change.status}`]),
  ...(change.activeBranch === undefined ? [] : [Prisma.sql`active_branch = ${change.activeBranch}`]),
]

import { notFound } from '@jan/service-kit/errors'
import { pagesOf } from '@jan/service-kit/workspace-routes'
import { Prisma, type PrismaClient, type ConversationBranch as Row } from '../generated/prisma/client.ts'
import {
  bytesOf,
  type ConversationItem,
  EVER,
  insertItems,
  type NewItem,
  type Owner,
} from './conversation-row.store.ts'
import { findItem } from './item.store.ts'
import { lockConversation } from './item-append.store.ts'
import { type Room, requireRoom } from './require-room.ts'

export type Branch = Omit<Row, 'sources' | 'upTo' | 'firstSeq'>
export type Edit = {
  conversationId: string
  itemId: string
  branch: string
  item: NewItem
  activate: boolean
  at: Date
}

export type BranchStore = {
  /** In the order of their making. */
  list(workspaceId: string, conversationId: string): Promise<Branch[]>
  /** All that is kept of a workspace. */
  of(workspaceId: string): AsyncIterable<Branch>
  /** A branch that holds what stands before an item, and in its place another one. @throws AppError `not_found`, `invalid_request` when full */
  begin(owner: Owner, edit: Edit): Promise<{ branch: Branch; item: ConversationItem }>
}

const PAGE = 200

export const createBranchStore = (prisma: PrismaClient, most: Room): BranchStore => ({
  list: async (workspaceId, conversationId) => {
    const rows = await prisma.conversationBranch.findMany({
      where: { workspaceId, conversationId },
      orderBy: { firstSeq: 'asc' },
    })
    return rows.map(branchOf)
  },
  of: (workspaceId) =>
    pagesOf<Branch>(async (last) => {
      const keys = last ? { conversationId_name: { conversationId: last.conversationId, name: last.name } } : undefined
      const rows = await prisma.conversationBranch.findMany({
        where: { workspaceId },
        orderBy: [{ conversationId: 'asc' }, { name: 'asc' }],
        take: PAGE,
        ...(keys ? { cursor: keys, skip: 1 } : {}),
      })
      return rows.map(branchOf)
    }),
  begin: (owner, edit) => prisma.$transaction((tx) => begin(tx, owner, edit, most)),
})

const branchOf = ({ sources: _, upTo: __, firstSeq: ___, ...branch }: Row): Branch => branch

async function begin(tx: Prisma.TransactionClient, owner: Owner, edit: Edit, most: Room) {
  const { conversationId, itemId, branch: name, item, activate, at } = edit
  const { workspaceId, createdBy } = owner
  const counted = await lockConversation(tx, workspaceId, conversationId)
  const known = await tx.conversationBranch.findUnique({ where: { conversationId_name: { conversationId, name } } })
  const made = known ? await findItem(tx, workspaceId, conversationId, item.id) : undefined
  if (known && made) return { branch: branchOf(known), item: made }
  const old = await findItem(tx, workspaceId, conversationId, itemId)
  if (!old) throw notFound('Item', itemId)
  const branches = await tx.conversationBranch.count({ where: { conversationId } })
  const bytes = bytesOf([item])
  requireRoom({ items: Math.max(counted.itemCount, branches) + 1, bytes: counted.itemBytes + bytes }, most)
  const parent = await tx.conversationBranch.findUniqueOrThrow({
    where: { conversationId_name: { conversationId, name: old.branch } },
  })
  const row = await tx.conversationBranch.create({
    data: {
      ...{ conversationId, name, workspaceId, createdBy, createdAt: at },
      ...{
        parent: old.branch,
        forkedFromItemId: itemId,
        firstSeq: counted.lastSeq + 1,
        ...lineage(parent, old.seq, name),
      },
    },
  })
  const place = { ...owner, conversationId, branch: name, afterSeq: counted.lastSeq, at }
  const [stored] = await insertItems(tx, place, [item])
  await tx.$executeRaw`
    UPDATE conversation SET last_seq = last_seq + 1, item_count = item_count + 1, item_bytes = item_bytes + ${bytes},
      last_activity_at = greatest(last_activity_at, ${at}::timestamptz)
      ${activate ? Prisma.sql`, active_branch = ${name}` : Prisma.empty}
    WHERE id = ${conversationId}`
  return { branch: branchOf(row), item: stored! }
}

/** What the parent itself is made of, its own items up to the edited one, and then the branch's own. */
function lineage({ name: parent, sources, upTo, firstSeq }: Row, edited: number, name: string) {
  const inherited = sources
    .map((source, index) => ({ source, last: upTo[index]! }))
    .filter(({ source }) => source !== parent)
  // Nothing of the parent's own stands before its first item: editing that again makes no longer chain.
  const own = edited > firstSeq ? [{ source: parent, last: edited - 1 }] : []
  const parts = [...inherited, ...own, { source: name, last: EVER }]
  return { sources: parts.map(({ source }) => source), upTo: parts.map(({ last }) => last) }
}

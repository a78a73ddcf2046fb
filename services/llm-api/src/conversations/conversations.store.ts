import type { PrismaClient } from '../generated/prisma/client.ts'
import { type BranchStore, createBranchStore } from './branch.store.ts'
import { type ConversationStore, createConversationStore } from './conversation.store.ts'
import { createItemStore, type ItemStore } from './item.store.ts'
import { type Read, type Reading, readBranch } from './reading.store.ts'
import type { Room } from './require-room.ts'
import { createSearchStore, type SearchStore } from './search.store.ts'

/** All that is kept of conversations. */
export type Conversations = ConversationStore &
  SearchStore & {
    /** The most that one may hold. */
    room: Room
    items: ItemStore
    branches: BranchStore
    /** A conversation and items of one branch, in one query. */
    read(workspaceId: string, id: string, reading: Reading): Promise<Read | undefined>
  }

export const createConversations = (prisma: PrismaClient, room: Room): Conversations => ({
  ...createConversationStore(prisma),
  ...createSearchStore(prisma),
  room,
  items: createItemStore(prisma, room),
  branches: createBranchStore(prisma, room),
  read: (workspaceId, id, reading) => readBranch(prisma, workspaceId, id, reading),
})

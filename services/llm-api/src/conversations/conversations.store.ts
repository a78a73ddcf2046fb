import type { PrismaClient } from '../generated/prisma/client.ts'
import { type BranchStore, createBranchStore } from './branch.store.ts'
import { type ConversationStore, createConversationStore } from './conversation.store.ts'
import { createItemStore, type ItemStore } from './item.store.ts'
import { type Read, type Reading, readBranch } from './reading.store.ts'
import { createSearchStore, type SearchStore } from './search.store.ts'

export type ConversationSettings = {
  /** Most items of a conversation, of all branches together. */
  maxItems: number
}

/** All that is kept of conversations. */
export type Conversations = ConversationStore &
  SearchStore & {
    settings: ConversationSettings
    items: ItemStore
    branches: BranchStore
    /** A conversation and items of one branch, in one query. */
    read(workspaceId: string, id: string, reading: Reading): Promise<Read | undefined>
  }

export const createConversations = (prisma: PrismaClient, settings: ConversationSettings): Conversations => ({
  ...createConversationStore(prisma),
  ...createSearchStore(prisma),
  settings,
  items: createItemStore(prisma, { most: settings.maxItems }),
  branches: createBranchStore(prisma, { most: settings.maxItems }),
  read: (workspaceId, id, reading) => readBranch(prisma, workspaceId, id, reading),
})

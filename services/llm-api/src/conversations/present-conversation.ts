import type { Branch } from './branch.store.ts'
import type { Conversation } from './conversation-row.store.ts'

export const seconds = (time: Date): number => Math.floor(time.getTime() / 1000)

export const presentConversation = (conversation: Conversation) => ({
  id: conversation.id,
  object: 'conversation' as const,
  created_at: seconds(conversation.createdAt),
  metadata: conversation.metadata,
  ...(conversation.title === null ? {} : { title: conversation.title }),
  ...(conversation.referrer === null ? {} : { referrer: conversation.referrer }),
  ...(conversation.projectId === null ? {} : { project_id: conversation.projectId }),
  status: conversation.status,
  active_branch: conversation.activeBranch,
  last_activity_at: seconds(conversation.lastActivityAt),
})

/** `activeBranch` is its conversation's. */
export const presentBranch = (branch: Branch, activeBranch: string) => ({
  id: branch.name,
  object: 'conversation.branch' as const,
  name: branch.name,
  conversation_id: branch.conversationId,
  parent: branch.parent,
  forked_from_item_id: branch.forkedFromItemId,
  is_active: branch.name === activeBranch,
  created_at: seconds(branch.createdAt),
})

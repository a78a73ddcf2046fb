import type { Deps } from '../deps.ts'
import { presentBranch, presentConversation, seconds } from './present-conversation.ts'
import { presentWholeItem } from './present-item.ts'

/** Everything that is kept of conversations in a workspace, what was deleted too, by kind and as it is read. */
export const tellConversations = (
  { conversations }: Pick<Deps, 'conversations'>,
  workspaceId: string,
): Record<string, AsyncIterable<unknown>> => ({
  conversations: told(conversations.of(workspaceId), (row) => ({ ...presentConversation(row), ...gone(row) })),
  conversation_branches: told(conversations.branches.of(workspaceId), (row) => presentBranch(row, '')),
  conversation_items: told(conversations.items.of(workspaceId), ({ conversationId, ...row }) => ({
    ...presentWholeItem(row),
    conversation_id: conversationId,
    ...gone(row),
  })),
})

const gone = ({ deletedAt }: { deletedAt: Date | null }) =>
  deletedAt === null ? {} : { deleted_at: seconds(deletedAt) }

async function* told<T>(rows: AsyncIterable<T>, present: (row: T) => unknown) {
  for await (const row of rows) yield present(row)
}

import type { Deps } from '../deps.ts'
import type { NewItem, Owner } from './conversation-row.store.ts'

export type Exchange = {
  conversationId: string
  items: NewItem[]
  /** For a conversation that has none. */
  title?: string | undefined
}

/**
 * Appends to the active branch, in one transaction, what was said. Items whose ids are there already are left as they
 * are, so it may be asked again. @throws AppError `not_found`, `invalid_request` (`conversation_full`)
 */
export async function rememberExchange(
  deps: Pick<Deps, 'conversations' | 'now'>,
  owner: Owner,
  { conversationId, items, title }: Exchange,
): Promise<void> {
  await deps.conversations.items.append(owner, { conversationId, items, title, at: deps.now() })
}

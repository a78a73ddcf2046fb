import { type Answer, relay } from '@jan/service-kit/answer'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { markdownOf } from './markdown-of.ts'
import { presentBranch, presentConversation, seconds } from './present-conversation.ts'
import { presentWholeItem } from './present-item.ts'
import { readHistory } from './read-history.ts'
import { requireConversation } from './require-conversation.ts'

/**
 * As a file: JSON holds every branch and everything of every item, Markdown what a person would read of the active
 * branch. @throws AppError `not_found`
 */
export async function exportConversation(
  deps: Pick<Deps, 'conversations' | 'now'>,
  who: Who,
  { id, format }: { id: string; format: 'json' | 'markdown' },
): Promise<Answer<never>> {
  if (format === 'json') return asFile(JSON.stringify(await whole(deps, who, id)), `${id}.json`, 'application/json')
  const { conversation, items } = await readHistory(deps, who, id)
  return asFile(markdownOf(conversation, items), `${id}.md`, 'text/markdown')
}

async function whole({ conversations, now }: Pick<Deps, 'conversations' | 'now'>, who: Who, id: string) {
  const conversation = await requireConversation({ conversations }, who, id)
  const { workspaceId } = who.caller
  const [branches, items] = await Promise.all([
    conversations.branches.list(workspaceId, id),
    conversations.items.all(workspaceId, id),
  ])
  return {
    object: 'conversation.export',
    exported_at: seconds(now()),
    conversation: presentConversation(conversation),
    branches: branches.map((branch) => presentBranch(branch, conversation.activeBranch)),
    items: items.map(presentWholeItem),
  }
}

const asFile = (text: string, name: string, type: string) =>
  relay(Buffer.from(text), {
    status: 200,
    headers: {
      'content-type': `${type}; charset=utf-8`,
      'content-disposition': `attachment; filename="${name}"`,
      'x-content-type-options': 'nosniff',
    },
  })

import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { readItem } from './read-item.ts'
import { ownerOf } from './require-conversation.ts'
import { type ItemPlace, requireItem } from './require-item.ts'
import { wrongAt } from './wrong-at.ts'

export type ItemEdit = ItemPlace & {
  /** What replaces the item's own fields of these names. */
  fields: Record<string, unknown>
  activate: boolean
}

/**
 * Begins a branch with everything before an item and, in its place, what became of it. The item itself, and all that
 * came after it, stays in its branch. @throws AppError `not_found`, `invalid_request` that names the place
 */
export async function editItem(deps: Pick<Deps, 'conversations' | 'now'>, who: Who, edit: ItemEdit) {
  const { id, itemId, fields, activate } = edit
  const old = await requireItem(deps, who, { id, itemId })
  for (const name of ['type', 'role'])
    if (name in fields && fields[name] !== old.item[name]) throw wrongAt(name, 'cannot be changed by an edit')
  const item = { id: who.newId('msg', 16), item: readItem({ ...old.item, ...fields }, '') }
  const branch = who.newId('branch', 16)
  return deps.conversations.branches.begin(ownerOf(who), {
    conversationId: id,
    itemId,
    branch,
    item,
    activate,
    at: deps.now(),
  })
}

import { invalid } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { Position } from './conversation.store.ts'

const CURSOR = /^(conv_[0-9a-z]+)(?:\.(\d{1,15}))?$/

/** A place in the order by activity that stays where it is when its conversation moves. */
export const cursorOf = ({ id, lastActivityAt }: Position): string => `${id}.${lastActivityAt.getTime()}`

/**
 * Where a page begins: behind a `next_cursor`, or behind where the conversation of an id is now.
 * @throws AppError `invalid_request` when the caller has no such conversation
 */
export async function positionOf(
  { conversations }: Pick<Deps, 'conversations'>,
  { caller }: Pick<Who, 'caller'>,
  after: string | undefined,
): Promise<Position | undefined> {
  if (!after) return undefined
  const [, id, time] = CURSOR.exec(after) ?? []
  if (id !== undefined && time !== undefined) return { id, lastActivityAt: new Date(Number(time)) }
  const position = id === undefined ? undefined : await conversations.positionOf(caller.workspaceId, id)
  if (!position) throw invalid('after: there is no such conversation', 'after')
  return position
}

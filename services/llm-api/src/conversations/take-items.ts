import { invalid } from '@jan/service-kit/errors'
import { isJsonObject } from '@jan/service-kit/json-body'
import type { Who } from '@jan/service-kit/who'
import type { NewItem } from './conversation-row.store.ts'
import { readItem } from './read-item.ts'
import { isId } from './require-conversation.ts'
import { wrongAt } from './wrong-at.ts'

const MOST_AT_ONCE = 20

/**
 * Items that came in a request, each under an id: a service may give it, a person gets one. Items that name another one
 * of the same request name it afterwards, too. @throws AppError `invalid_request` that names the place
 */
export function takeItems(who: Pick<Who, 'caller' | 'newId'>, sent: unknown[]): NewItem[] {
  const isService = who.caller.via !== undefined
  if (!isService && sent.length > MOST_AT_ONCE)
    throw invalid(`items: expected at most ${MOST_AT_ONCE} at a time, and there are ${sent.length}`, 'items')
  const named = new Map<string, string>()
  const taken = new Set<string>()
  const items = sent.map((each, index) => {
    const item = readItem(each, `items[${index}]`)
    const given = isJsonObject(each) && typeof each.id === 'string' ? each.id : undefined
    if (isService && given !== undefined && !isId(given))
      throw wrongAt(`items[${index}].id`, 'expected 1 to 128 letters, digits, _ and -')
    const id = isService && given !== undefined ? given : who.newId('msg', 16)
    if (taken.has(id)) throw wrongAt(`items[${index}].id`, 'another of the items has this id')
    taken.add(id)
    if (given !== undefined) named.set(given, id)
    return { id, item }
  })
  return withNewNames(items, named)
}

/** Items that got other ids, with what they say of each other. */
export const withNewNames = (items: NewItem[], named: ReadonlyMap<string, string>): NewItem[] =>
  items.map((each) => {
    const { approval_request_id: request } = each.item
    const name = typeof request === 'string' ? named.get(request) : undefined
    return name === undefined ? each : { ...each, item: { ...each.item, approval_request_id: name } }
  })

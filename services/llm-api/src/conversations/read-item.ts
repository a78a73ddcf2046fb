import { isJsonObject } from '@jan/service-kit/json-body'
import { z } from 'zod'
import { type Block, readBlock } from './content-block.ts'
import { type Role, SCHEMAS } from './item-types.ts'
import { parsedAt, wrongAt } from './wrong-at.ts'

/** An item as OpenAI shapes it, without the fields that this server gives. */
export type Item = Record<string, unknown> & { type: string }

/** Given by this server, so whatever a client sends in them is not read: an item may be sent back as it was told. */
const OURS = ['id', 'object', 'branch', 'sequence_number', 'created_at', 'rating', 'rating_comment', 'rated_at']

const MOST_BLOCKS = 100
const DEEPEST = 500

/**
 * An item that somebody sent, in OpenAI's form; what is not known of it stays.
 * @throws AppError `invalid_request` that names the place: `items[3].content[0].text`
 */
export function readItem(sent: unknown, place: string): Item {
  if (!isJsonObject(sent)) throw wrongAt(place, 'expected an object')
  requireShallow(sent, place)
  const { type } = parsedAt(z.looseObject({ type: z.string().default('message') }), sent, place)
  const schema = SCHEMAS.get(type)
  if (type === 'item_reference') throw wrongAt(`${place}.type`, 'a reference cannot be stored; send the item itself')
  if (!schema) throw wrongAt(`${place}.type`, `'${type.slice(0, 64)}' is not a type of item`)
  parsedAt(schema, sent, place)
  const item = { ...Object.fromEntries(Object.entries(sent).filter(([name]) => !OURS.includes(name))), type }
  return type === 'message' ? { ...item, content: readContent(sent.content, sent.role as Role, place) } : item
}

function readContent(content: unknown, role: Role, place: string): Block[] {
  if (typeof content === 'string') return [readBlock({ type: textTypeOf(role), text: content }, `${place}.content`)]
  if (content === undefined || content === null) return []
  if (!Array.isArray(content)) throw wrongAt(`${place}.content`, 'expected a text or a list of blocks')
  if (content.length > MOST_BLOCKS) throw wrongAt(`${place}.content`, `expected at most ${MOST_BLOCKS} blocks`)
  return content.map((block, index) => readBlock(block, `${place}.content[${index}]`))
}

const textTypeOf = (role: Role) =>
  role === 'assistant' ? 'output_text' : ['user', 'system', 'developer'].includes(role) ? 'input_text' : 'text'

/** What is nested deeper than this is no item, and would cost those who read it their stack. */
function requireShallow(value: unknown, place: string): void {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > DEEPEST) throw wrongAt(place, `nested deeper than ${DEEPEST} levels`)
    level = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []))
  }
}

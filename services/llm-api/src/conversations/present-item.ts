import { isJsonObject } from '@jan/service-kit/json-body'
import type { ConversationItem } from './conversation-row.store.ts'
import { alwaysHasStatus } from './item-types.ts'
import { seconds } from './present-conversation.ts'

type Fields = Record<string, unknown>

/** OpenAI's names of what is told only to those who ask for it. Images of messages are told to everybody. */
export const INCLUDABLE = [
  'file_search_call.results',
  'web_search_call.results',
  'web_search_call.action.sources',
  'message.input_image.image_url',
  'computer_call_output.output.image_url',
  'code_interpreter_call.outputs',
  'reasoning.encrypted_content',
  'message.output_text.logprobs',
] as const
export type Includable = (typeof INCLUDABLE)[number]

/** Everything of an item, in OpenAI's form. */
export const presentWholeItem = ({ id, item, ...row }: ConversationItem) => ({
  ...item,
  id,
  ...(row.status === undefined ? (alwaysHasStatus(item.type) ? { status: 'completed' } : {}) : { status: row.status }),
  object: 'conversation.item' as const,
  branch: row.branch,
  sequence_number: row.seq,
  created_at: seconds(row.createdAt),
  ...(row.rating === null ? {} : { rating: row.rating }),
  ...(row.ratingComment === null ? {} : { rating_comment: row.ratingComment }),
  ...(row.ratedAt === null ? {} : { rated_at: seconds(row.ratedAt) }),
})

export const presentItem = (row: ConversationItem, included: readonly Includable[] = []) =>
  presentWholeItem({ ...row, item: { ...withoutHidden(row.item, new Set(included)), type: row.item.type } })

function withoutHidden(item: Fields, included: ReadonlySet<Includable>): Fields {
  const hides = (name: Includable) => !included.has(name)
  switch (item.type) {
    case 'file_search_call':
      return 'results' in item && hides('file_search_call.results') ? { ...item, results: null } : item
    case 'web_search_call': {
      const call = hides('web_search_call.results') ? without(item, 'results') : item
      const isHidden = hides('web_search_call.action.sources') && isJsonObject(call.action)
      return isHidden ? { ...call, action: without(call.action as Fields, 'sources') } : call
    }
    case 'code_interpreter_call':
      return 'outputs' in item && hides('code_interpreter_call.outputs') ? { ...item, outputs: null } : item
    case 'computer_call_output':
      return hides('computer_call_output.output.image_url') && isJsonObject(item.output)
        ? { ...item, output: without(item.output, 'image_url') }
        : item
    case 'reasoning':
      return hides('reasoning.encrypted_content') ? without(item, 'encrypted_content') : item
    case 'message':
      return hides('message.output_text.logprobs') && Array.isArray(item.content)
        ? { ...item, content: item.content.map((block) => (isJsonObject(block) ? without(block, 'logprobs') : block)) }
        : item
    default:
      return item
  }
}

const without = (fields: Fields, name: string): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name))

import { z } from 'zod'
import { listOf } from './conversation.schema.ts'
import { plainText, Title } from './plain-text.ts'
import { INCLUDABLE } from './present-item.ts'

const Included = z.union([z.enum(INCLUDABLE), z.array(z.enum(INCLUDABLE))], `expected any of ${INCLUDABLE.join(', ')}`)

/** The SDK writes `include[]`. */
export const IncludeQuery = z.object({
  include: Included.optional().describe('What is left out of items unless it is asked for'),
  'include[]': Included.optional().describe('The same as include'),
})
export type IncludeQuery = z.output<typeof IncludeQuery>

export const includedIn = ({ include = [], 'include[]': more = [] }: IncludeQuery) => [include, more].flat()

const short = plainText(128)

export const ItemListQuery = IncludeQuery.extend({
  limit: z.coerce.number().int().min(1).default(20).describe('How many rows; more than 100 are never sent'),
  order: z.enum(['asc', 'desc']).default('desc'),
  after: short.optional().describe('Items behind the one with this id'),
  cursor: short.optional().describe('The same as after'),
  branch: short.optional().describe('The active branch by default'),
})
export type ItemListQuery = z.output<typeof ItemListQuery>

export const CreateItems = z
  .looseObject({
    items: z.array(z.unknown(), 'expected a list of items').describe('At most 20'),
    title: Title.nullish().describe('For services: of a conversation that has none'),
  })
  .meta({
    id: 'CreateConversationItems',
    description:
      "OpenAI's items. Their ids, times, numbers and ratings are given by this server: such fields of an item that is " +
      'sent are not read, and what named another item of the same request by its id does so by its new one.',
  })

export const ItemAnswer = z
  .looseObject({
    id: z.string(),
    object: z.literal('conversation.item'),
    type: z.string().describe('message, function_call, function_call_output, reasoning, mcp_call, …'),
    status: z.string().optional(),
    branch: z.string().describe('Where it was added; branches that began later share it'),
    sequence_number: z.int(),
    created_at: z.int().describe('Seconds since 1970'),
    rating: z.enum(['like', 'unlike']).optional(),
    rating_comment: z.string().optional(),
    rated_at: z.int().optional().describe('Seconds since 1970'),
  })
  .meta({ id: 'ConversationItem', description: "OpenAI's item, whole, with what this server knows of it" })

export const ItemList = listOf(ItemAnswer).meta({ id: 'ConversationItemList' })

const MOST_OF_COMMENT = 2000

export const RateItem = z
  .looseObject({
    rating: z.enum(['like', 'unlike'], 'expected like, unlike or null').nullable(),
    comment: plainText(MOST_OF_COMMENT).nullish().describe(`At most ${MOST_OF_COMMENT} characters`),
  })
  .meta({ id: 'RateConversationItem' })

export const EditItem = z
  .looseObject({
    content: z.unknown().optional().describe('Of a message'),
    activate: z.boolean().default(true).describe('Whether the new branch is the one to go on with'),
  })
  .meta({ id: 'EditConversationItem', description: 'Fields of the item that become others' })

export const BranchAnswer = z
  .looseObject({
    id: z.string(),
    object: z.literal('conversation.branch'),
    name: z.string(),
    conversation_id: z.string(),
    parent: z.string().nullable(),
    forked_from_item_id: z.string().nullable().describe('In whose place its first item stands'),
    is_active: z.boolean(),
    created_at: z.int().describe('Seconds since 1970'),
  })
  .meta({ id: 'ConversationBranch' })

export const EditedItem = BranchAnswer.extend({ item: ItemAnswer }).meta({ id: 'EditedConversationItem' })
export const BranchList = listOf(BranchAnswer).meta({ id: 'ConversationBranchList' })

export const History = z
  .looseObject({ object: z.literal('conversation.history'), items: z.array(ItemAnswer) })
  .meta({ id: 'ConversationHistory', description: 'With the conversation; items of the active branch, oldest first' })

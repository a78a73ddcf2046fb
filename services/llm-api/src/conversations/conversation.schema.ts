import { z } from 'zod'
import { Metadata, plainText, Referrer, Title } from './plain-text.ts'

const ProjectId = plainText(64).nullish().describe('A project of yours; empty or null: none')
const Named = {
  title: Title.nullish(),
  metadata: Metadata.nullish(),
  referrer: Referrer.nullish(),
  project_id: ProjectId,
}

/** Other fields, as in a conversation that is sent back as it was told, are not read. */
export const CreateConversation = z
  .looseObject({
    ...Named,
    id: z
      .string()
      .regex(/^conv_[0-9a-z]{1,64}$/)
      .optional()
      .catch(undefined)
      .describe('For services that act for somebody; not read otherwise'),
    items: z.array(z.unknown()).nullish().describe('At most 20; see the items of a conversation'),
  })
  .meta({ id: 'CreateConversation' })

export const UpdateConversation = z.looseObject(Named).meta({
  id: 'UpdateConversation',
  description: 'What is named is changed, metadata as a whole; null clears',
})
export type UpdateConversation = z.output<typeof UpdateConversation>

export const ConversationAnswer = z
  .looseObject({
    id: z.string(),
    object: z.literal('conversation'),
    created_at: z.int().describe('Seconds since 1970'),
    metadata: z.record(z.string(), z.string()),
    title: z.string().optional(),
    referrer: z.string().optional(),
    project_id: z.string().optional(),
    status: z.enum(['active', 'archived']),
    active_branch: z.string().describe('Where new items go'),
    last_activity_at: z.int().describe('When the last item was added, in seconds since 1970'),
  })
  .meta({ id: 'Conversation' })

export const DeletedConversation = z
  .looseObject({ id: z.string(), object: z.literal('conversation.deleted'), deleted: z.literal(true) })
  .meta({ id: 'DeletedConversation' })

const rows = <T extends z.ZodType>(row: T) => ({
  object: z.literal('list'),
  data: z.array(row),
  first_id: z.string().describe('Empty in an empty list'),
  last_id: z.string().describe('Empty in an empty list'),
  has_more: z.boolean(),
})
export const listOf = <T extends z.ZodType>(row: T) => z.looseObject(rows(row))

const next_cursor = z.string().optional().describe('The place behind this page, whatever moves meanwhile')

export const ConversationList = listOf(ConversationAnswer)
  .extend({ next_cursor, total: z.int().describe('Of all that match, on all pages') })
  .meta({ id: 'ConversationList' })

const short = plainText(128)
const Filter = {
  status: z.enum(['active', 'archived', 'all']).default('active'),
  project_id: short.optional().describe('Only those of this project'),
  referrer: short.optional().describe('Only those of this referrer'),
  after: short.optional().describe('Rows behind this next_cursor, or behind the conversation of this id'),
  cursor: short.optional().describe('The same as after'),
}

export const ConversationListQuery = z.object({
  limit: z.coerce.number().int().min(1).default(20).describe('How many rows; more than 100 are never sent'),
  order: z.enum(['asc', 'desc']).default('desc').describe('By last activity'),
  ...Filter,
  offset: z
    .string()
    .regex(/^0?$/, 'pages are not counted here; use after')
    .optional()
    .describe('Not offered: use after'),
})
export type ConversationListQuery = z.output<typeof ConversationListQuery>

export const SearchQuery = z.object({
  query: plainText(256).min(1, 'expected a text').describe('Words, or the beginnings of words, in any language'),
  limit: z.coerce.number().int().min(1).max(100).default(20).describe('How many rows, 1 to 100'),
  ...Filter,
})
export type SearchQuery = z.output<typeof SearchQuery>

export const FoundConversations = listOf(
  ConversationAnswer.extend({
    snippet: z.string().describe('Where it was found'),
    item_id: z.string().optional().describe('The last item that was hit; none when only the title was'),
    branch: z.string().optional().describe('Where that item was added'),
  }).meta({ id: 'FoundConversation' }),
)
  .extend({ next_cursor })
  .meta({ id: 'FoundConversations' })

export const ExportQuery = z.object({ format: z.enum(['json', 'markdown']).default('json') })

export const ForkConversation = z
  .looseObject({
    item_id: z.string().nullish().describe('The last item that is copied; by default the last one there is'),
    title: Title.nullish(),
  })
  .meta({ id: 'ForkConversation' })

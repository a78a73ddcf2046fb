import { PageQuery, pageOf } from '@jan/service-kit/page'
import { z } from 'zod'
import { keptText, label } from '../projects/kept-text.schema.ts'
import { ToolPolicy } from './tool-policy.schema.ts'

const Metadata = z
  .record(
    keptText(64).refine((key) => key !== '', 'a key must not be empty'),
    keptText(512),
  )
  .refine((metadata) => Object.keys(metadata).length <= 16, 'expected at most 16 keys')

const FIELDS = {
  name: label(256),
  description: keptText(512).nullish(),
  model: label(256)
    .refine((model) => !/^asst_/i.test(model), 'an assistant cannot be the model of another')
    .nullish()
    .describe('Of GET /v1/models; it need not be there yet'),
  instructions: keptText(256_000).nullish().describe('What the model is told first'),
  temperature: z.number().min(0).max(2).nullish(),
  tools: ToolPolicy.nullish().describe('Which tools it may use, and how; null: as the request says'),
  metadata: Metadata.nullish().describe('At most 16 texts of yours; keys to 64 characters, values to 512'),
  shared: z.boolean().optional().describe('Whether everybody has it; only admins may say so'),
}

export const CreateAssistant = z.looseObject(FIELDS).meta({ id: 'CreateAssistant' })
export type CreateAssistant = z.output<typeof CreateAssistant>

export const UpdateAssistant = z
  .looseObject({ ...FIELDS, name: FIELDS.name.optional() })
  .meta({ id: 'UpdateAssistant', description: 'What is absent stays; null clears; tools and metadata are replaced' })
export type UpdateAssistant = z.output<typeof UpdateAssistant>

export const AssistantAnswer = z
  .looseObject({
    id: z.string(),
    object: z.literal('assistant'),
    name: z.string(),
    description: z.string().nullable(),
    model: z.string().nullable(),
    instructions: z.string().nullable(),
    temperature: z.number().nullable(),
    tools: ToolPolicy.nullable(),
    metadata: z.record(z.string(), z.string()),
    shared: z.boolean(),
    created_at: z.int().describe('Unix time in seconds'),
    updated_at: z.int().describe('Unix time in seconds'),
  })
  .meta({ id: 'Assistant' })

const Cursor = z.string().regex(/^asst_[0-9a-z]{1,64}$/, 'expected the id of an assistant')

export const AssistantQuery = PageQuery.extend({
  after: Cursor.optional().describe('Assistants after the one with this id'),
  before: Cursor.optional().describe('Assistants before the one with this id'),
  shared: z
    .stringbool({ truthy: ['true', '1'], falsy: ['false', '0'], error: 'expected true or false' })
    .optional()
    .describe('Only those that are, or are not, shared with everybody'),
})
export type AssistantQuery = z.output<typeof AssistantQuery>

export const AssistantPage = pageOf(AssistantAnswer).meta({ id: 'AssistantPage' })

export const AssistantParams = z.object({ id: z.string() })

export const DeletedAssistant = z
  .looseObject({ id: z.string(), object: z.literal('assistant.deleted'), deleted: z.literal(true) })
  .meta({ id: 'DeletedAssistant' })

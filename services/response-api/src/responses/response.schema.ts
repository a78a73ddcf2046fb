import { pageOf } from '@jan/service-kit/page'
import { z } from 'zod'

/** What PostgreSQL cannot keep in a text column. */
const plain = (text: string) => !text.includes('\u0000')

const Schema = z.record(z.string(), z.unknown())

const TextFormat = z
  .looseObject({
    type: z.enum(['text', 'json_object', 'json_schema']),
    name: z.string().optional(),
    description: z.string().nullish(),
    schema: Schema.optional(),
    strict: z.boolean().nullish(),
  })
  .refine(
    (format) => format.type !== 'json_schema' || (format.name && format.schema),
    'json_schema needs name and schema',
  )

const NamedFunction = z.looseObject({
  type: z.literal('function'),
  name: z.string().optional(),
  function: z.looseObject({ name: z.string() }).optional(),
})

/** Of an item only the type is known here: `read-input.ts` reads each kind, so that errors name the field. */
const InputItem = z.looseObject({ type: z.string().optional() }).meta({ id: 'ResponseInputItem' })

export const CreateResponse = z
  .looseObject({
    model: z.string().min(1).max(200).refine(plain, 'no NUL').nullish().describe('Default: the setting DEFAULT_MODEL'),
    input: z.union([z.string(), z.array(InputItem)], 'expected a text or a list of items'),
    instructions: z.string().nullish(),
    system_prompt: z.string().nullish().describe('As instructions, which stand before it'),
    tools: z
      .array(z.looseObject({ type: z.string() }))
      .nullish()
      .describe('Functions of the caller. Absent: all tools of this platform. Empty: none'),
    tool_choice: z
      .union([z.enum(['auto', 'none', 'required']), NamedFunction], 'expected auto, none, required or a function')
      .nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    max_tool_calls: z.int().min(1).nullish().describe('How many tools of this platform may be called'),
    max_output_tokens: z.int().min(16).nullish().describe('Over all rounds of the run'),
    max_tokens: z.int().min(16).nullish().describe('Another name of max_output_tokens'),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    presence_penalty: z.number().min(-2).max(2).nullish(),
    frequency_penalty: z.number().min(-2).max(2).nullish(),
    top_logprobs: z.int().min(0).max(20).nullish(),
    text: z
      .looseObject({ format: TextFormat.nullish(), verbosity: z.enum(['low', 'medium', 'high']).nullish() })
      .nullish(),
    reasoning: z.looseObject({ effort: z.string().nullish(), summary: z.string().nullish() }).nullish(),
    metadata: z
      .record(z.string().max(64), z.string().max(512))
      .refine((metadata) => Object.keys(metadata).length <= 16, 'at most 16 entries')
      .nullish(),
    store: z.boolean().nullish().describe('false: nothing of this run is kept'),
    stream: z.boolean().nullish(),
    stream_options: z.looseObject({}).nullish(),
    previous_response_id: z.string().nullish(),
    conversation: z.unknown().optional(),
    background: z.boolean().nullish(),
    user: z.string().nullish(),
    safety_identifier: z.string().nullish(),
    prompt: z.unknown().optional(),
    prompt_cache_key: z.string().nullish(),
    service_tier: z.string().nullish(),
    truncation: z.enum(['auto', 'disabled']).nullish(),
    include: z.array(z.string()).nullish(),
  })
  .meta({ id: 'CreateResponse' })
export type CreateResponse = z.output<typeof CreateResponse>

export const isStored = ({ store }: Pick<CreateResponse, 'store'>): boolean => store ?? true

/** An input or output item as it stands on the wire. */
export const Item = z.looseObject({ id: z.string(), type: z.string() }).meta({ id: 'ResponseItem' })
export type Item = z.output<typeof Item>

export const ItemPage = pageOf(Item).meta({ id: 'ResponseItemPage' })

const Jan = z.looseObject({
  tool_executions: z.array(
    z.looseObject({
      id: z.string(),
      tool: z.string(),
      server: z.string(),
      arguments: z.unknown(),
      output: z.string(),
      status: z.enum(['completed', 'failed', 'unknown']),
      duration_ms: z.int(),
      started_at: z.string(),
    }),
  ),
  depth: z.int().describe('Model rounds'),
  duration_ms: z.int(),
  limit: z.string().optional().describe('Which limit made the response incomplete'),
})

export const ResponseResource = z
  .looseObject({
    id: z.string(),
    object: z.literal('response'),
    created_at: z.int(),
    completed_at: z.int().nullable(),
    status: z.enum(['in_progress', 'completed', 'incomplete', 'failed', 'cancelled']),
    error: z.looseObject({ code: z.string(), message: z.string() }).nullable(),
    incomplete_details: z.looseObject({ reason: z.enum(['max_output_tokens', 'content_filter']) }).nullable(),
    model: z.string(),
    output: z.array(Item),
    usage: z
      .looseObject({
        input_tokens: z.int(),
        input_tokens_details: z.looseObject({ cached_tokens: z.int(), cache_write_tokens: z.int() }),
        output_tokens: z.int(),
        output_tokens_details: z.looseObject({ reasoning_tokens: z.int() }),
        total_tokens: z.int(),
      })
      .nullable(),
    jan: Jan,
  })
  .meta({ id: 'Response' })
export type ResponseResource = z.output<typeof ResponseResource>

import { z } from 'zod'
import { PriceLine } from './model-facts.ts'
import { boolean, OffsetQuery, offsetPageOf } from './offset-page.ts'

const Pricing = z.looseObject({
  currency: z.literal('USD'),
  per_million_tokens: z.looseObject({
    prompt: z.number().optional(),
    completion: z.number().optional(),
    cached: z.number().optional(),
    reasoning: z.number().optional(),
  }),
  per_request: z.number().optional(),
})

export const Model = z
  .looseObject({
    id: z.string().describe('What to send as `model`'),
    object: z.literal('model'),
    created: z.int().describe('Unix time in seconds'),
    owned_by: z.string(),
    display_name: z.string(),
    context_length: z.int().optional().describe('In tokens, where it is known'),
    max_completion_tokens: z.int().optional(),
    pricing: Pricing.optional(),
    capabilities: z.looseObject({ image_input: z.boolean(), file_input: z.boolean() }),
    provider_id: z.string().optional().describe('With X-PROVIDER-DATA: true'),
    provider_vendor: z.string().optional(),
    provider_name: z.string().optional(),
  })
  .meta({ id: 'Model' })

export const ModelList = z.looseObject({ object: z.literal('list'), data: z.array(Model) }).meta({ id: 'ModelList' })

export const ModelParams = z.object({ id: z.string().describe('May hold slashes, as they are or as %2F') })

const tokens = z.int().min(1).max(1_000_000_000).nullable()

export const ProviderModel = z
  .looseObject({
    id: z.string(),
    object: z.literal('provider_model'),
    provider_id: z.string(),
    provider_vendor: z.string(),
    provider_name: z.string(),
    model_catalog_id: z.string(),
    model_public_id: z.string().describe('What clients call it'),
    provider_original_model_id: z.string().describe('What its provider calls it'),
    display_name: z.string(),
    pricing: z.looseObject({ lines: z.array(PriceLine) }),
    token_limits: z.looseObject({ context_length: tokens, max_completion_tokens: tokens }),
    family: z.string().nullable(),
    supports_images: z.boolean(),
    supports_files: z.boolean(),
    supports_embeddings: z.boolean(),
    supports_reasoning: z.boolean(),
    supports_audio: z.boolean(),
    supports_video: z.boolean(),
    weight: z.int().describe('Share of its requests, among those who serve the model; 0: only when no other is well'),
    active: z.boolean(),
    edited: z
      .array(z.string())
      .describe('Fields that an admin has set: what its provider says of them is not taken over'),
    created_at: z.int(),
    updated_at: z.int(),
  })
  .meta({ id: 'ProviderModel' })

const flag = z.boolean().optional()

export const EDITABLE = [
  'display_name',
  'pricing',
  'token_limits',
  'family',
  'supports_images',
  'supports_files',
  'supports_embeddings',
  'supports_reasoning',
  'supports_audio',
  'supports_video',
  'weight',
] as const

export const UpdateProviderModel = z
  .strictObject({
    display_name: z.string().trim().min(1).max(255).optional(),
    pricing: z.strictObject({ lines: z.array(PriceLine).max(20).nullable() }).nullish(),
    token_limits: z
      .strictObject({ context_length: tokens.optional(), max_completion_tokens: tokens.optional() })
      .nullish()
      .describe('null: none are known'),
    family: z.string().trim().max(128).nullish(),
    supports_images: flag,
    supports_files: flag,
    supports_embeddings: flag,
    supports_reasoning: flag,
    supports_audio: flag,
    supports_video: flag,
    weight: z.int().min(0).max(1_000_000).optional(),
    active: flag,
    reset: z.array(z.enum(EDITABLE)).max(EDITABLE.length).optional().describe('Fields to take from the provider again'),
  })
  .meta({ id: 'UpdateProviderModel' })

export const ProviderModelQuery = OffsetQuery.extend({
  provider_id: z.string().optional(),
  model_key: z.string().optional().describe('Public id of the model'),
  active: boolean.optional(),
  supports_images: boolean.optional(),
})

export const ProviderModelPage = offsetPageOf(ProviderModel).meta({ id: 'ProviderModelPage' })

export const ToggleProviderModels = z
  .strictObject({
    enable: z.boolean(),
    except_models: z.array(z.string().min(1).max(512)).max(1_000).default([]).describe('Public ids'),
    provider_id: z.string().min(1).optional().describe('Without: those of all providers'),
  })
  .meta({ id: 'ToggleProviderModels' })

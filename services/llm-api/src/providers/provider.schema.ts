import { z } from 'zod'
import { Model } from '../models/model.schema.ts'

const name = z.string().trim().min(1).max(255)
const url = z.string().trim().min(1).max(2_048).describe('What comes before `/models` and `/chat/completions`')
const metadata = z
  .record(z.string().max(64), z.string().max(2_000))
  .refine((all) => Object.keys(all).length <= 64, 'expected at most 64 entries')
const key = z.string().max(8_192)

export const CreateProvider = z
  .strictObject({
    name,
    vendor: z.string().trim().min(1).max(64).describe('openai, anthropic, …; whatever is unknown here is custom'),
    base_url: url,
    api_key: key.nullish().describe('Kept encrypted, and never told again'),
    metadata: metadata.default({}),
    active: z.boolean().default(true),
    verify: z.boolean().default(true).describe('false: not asked for its models before it is added'),
  })
  .meta({ id: 'CreateProvider' })

export const UpdateProvider = z
  .strictObject({
    name: name.optional(),
    base_url: url
      .optional()
      .describe('At another host, scheme or port the key is forgotten, unless a new one comes with it'),
    api_key: key.nullish().describe('Empty or null: forgets it'),
    metadata: metadata.optional().describe('Replaces all of it'),
    active: z.boolean().optional(),
  })
  .meta({ id: 'UpdateProvider' })

export const PublicProvider = z
  .looseObject({
    id: z.string(),
    object: z.literal('provider'),
    name: z.string(),
    vendor: z.string(),
    active: z.boolean(),
  })
  .meta({ id: 'PublicProvider' })

export const PublicProviderList = z
  .looseObject({ object: z.literal('list'), data: z.array(PublicProvider) })
  .meta({ id: 'PublicProviderList' })

export const AdminProvider = PublicProvider.extend({
  source: z.enum(['environment', 'file', 'api']).describe('Only those of the API can be changed over it'),
  base_url: z.string(),
  metadata: z.record(z.string(), z.string()),
  api_key_hint: z.string().nullable().describe('The last four characters of its key'),
  last_synced_at: z.int().nullable().describe('Unix time at which it last told its models'),
  last_error: z.string().nullable().describe('Why it could not since then'),
  failed_at: z.int().nullable(),
  created_at: z.int(),
  updated_at: z.int(),
}).meta({ id: 'AdminProvider' })

export const AdminProviderList = z.array(
  AdminProvider.extend({ model_count: z.int(), model_active_count: z.int() }).meta({ id: 'CountedProvider' }),
)

export const NewProvider = AdminProvider.extend({ models: z.array(Model) }).meta({ id: 'NewProvider' })

export const ConnectionTest = z
  .looseObject({
    ok: z.boolean(),
    latency_ms: z.int(),
    models: z.int().optional().describe('How many it lists'),
    error: z.looseObject({ code: z.string(), message: z.string() }).optional(),
  })
  .meta({ id: 'ConnectionTest' })

export const ProviderParams = z.object({ id: z.string() })

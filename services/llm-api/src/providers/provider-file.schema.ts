import { duration } from '@jan/service-kit/config'
import { z } from 'zod'

const text = (longest: number) => z.string().trim().min(1).max(longest)
/** Variables are texts. */
const flag = z
  .union([z.boolean(), z.enum(['true', 'false', '']).transform((word) => word !== 'false')], 'expected true or false')
  .default(true)
const count = (most: number) => z.coerce.number().int().min(0).max(most)
/** `3s`, `500ms`; left out is left out. */
const wait = z
  .string()
  .transform((text, context) => {
    const read = duration('1s').safeParse(text)
    if (read.success) return read.data
    context.addIssue({ code: 'custom', message: 'expected a duration like 500ms, 45s, 15m or 2h' })
    return z.NEVER
  })
  .optional()

export const baseUrl = z
  .url({ protocol: /^https?$/, error: 'expected an http or https URL' })
  .refine((url) => !URL.canParse(url) || !hasMore(new URL(url)), {
    error: 'expected no user name, password, query or fragment: api_key is the place for credentials',
  })

const hasMore = ({ username, password, search, hash }: URL) => Boolean(username || password || search || hash)

const usd = z.coerce.number().min(0).max(1e6)

const FileModel = z.strictObject({
  id: text(512).describe("The provider's own name of it"),
  public_id: text(512).optional(),
  display_name: text(255).optional(),
  aliases: z.array(text(512)).max(100).default([]),
  weight: count(1_000_000).optional(),
  display_order: z.coerce.number().int().optional(),
  longer: text(512).optional(),
  context_length: z.coerce.number().int().positive().optional(),
  max_completion_tokens: z.coerce.number().int().positive().optional(),
  supports_images: z.boolean().optional(),
  supports_files: z.boolean().optional(),
  prices: z
    .strictObject({
      prompt: usd.optional(),
      completion: usd.optional(),
      cached: usd.optional(),
      reasoning: usd.optional(),
      request: usd.optional(),
    })
    .optional()
    .describe('USD per million tokens, and per request'),
})
export type FileModel = z.output<typeof FileModel>

const FileProvider = z
  .strictObject({
    name: text(255).optional(),
    type: text(64).optional(),
    vendor: text(64).optional(),
    url: baseUrl.optional(),
    base_url: baseUrl.optional(),
    api_key: z.string().optional(),
    key: z.string().optional(),
    active: flag,
    description: z.string().max(2_000).optional(),
    metadata: z.record(z.string(), z.string()).default({}),
    auto_enable_new_models: flag,
    sync_models: flag,
    weight: count(1_000_000).optional(),
    connect_timeout: wait,
    head_timeout: wait,
    idle_timeout: wait,
    models: z.array(FileModel).max(5_000).default([]),
  })
  .refine(({ type, vendor }) => type ?? vendor, { error: 'required', path: ['type'] })
  .refine(({ url, base_url }) => url ?? base_url, { error: 'required', path: ['url'] })
export type FileProvider = z.output<typeof FileProvider>

export const ProviderFile = z.strictObject({ providers: z.record(z.string(), z.array(FileProvider).nullable()) })

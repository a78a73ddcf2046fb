import { z } from 'zod'

/** One price, as providers and admins state it. */
export const PriceLine = z.object({
  unit: z.enum([
    'per_1k_prompt_tokens',
    'per_1k_completion_tokens',
    'per_1k_cached_tokens',
    'per_request',
    'per_image',
    'per_web_search',
    'per_internal_reasoning',
  ]),
  amount_micro_usd: z.number().min(0).max(1e12).describe('Millionths of a US dollar'),
  currency: z.literal('USD').default('USD'),
})
export type PriceLine = z.output<typeof PriceLine>

/** What is known of a model at one provider. Kept as JSON: what the provider lists, and over it what people say. */
export type ModelFacts = Partial<{
  displayName: string
  /** Another name of it at its provider. */
  slug: string
  prices: PriceLine[]
  /** In tokens; null: taken back. */
  contextLength: number | null
  maxCompletionTokens: number | null
  family: string | null
  supportsImages: boolean
  supportsFiles: boolean
  supportsEmbeddings: boolean
  supportsReasoning: boolean
  supportsAudio: boolean
  supportsVideo: boolean
  weight: number
}>

/** What is told of a model under its public name. */
export type CatalogFacts = Partial<{
  supportedParameters: { names: string[]; default: Record<string, string | null> }
  architecture: Architecture
  tags: string[]
  notes: string | null
  isModerated: boolean | null
  extras: Record<string, unknown> | null
  aliases: string[]
  displayOrder: number | null
  /** Public id of the model for requests that are too long. */
  longer: string | null
}>

export type Architecture = {
  modality: string
  input_modalities: string[] | null
  output_modalities: string[] | null
  tokenizer: string
  instruct_type: string | null
}

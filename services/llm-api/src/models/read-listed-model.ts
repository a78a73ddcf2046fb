import { z } from 'zod'
import type { ListedModel } from '../providers/provider.client.ts'
import type { CatalogFacts, ModelFacts, PriceLine } from './model-facts.ts'

const text = z.string().min(1).max(20_000).optional().catch(undefined)
const tokens = z.int().positive().max(1e12).optional().catch(undefined)
const names = z.array(z.string().max(200)).max(200).optional().catch(undefined)
/** Numbers come as numbers and as text. */
const amount = z.coerce.number().min(0).max(1e6).optional().catch(undefined)

/** What providers say of a model beside its name. A field of another type is as good as none. */
const Entry = z.object({
  name: text,
  display_name: text,
  canonical_slug: text,
  description: text,
  context_length: tokens,
  max_model_len: tokens,
  max_completion_tokens: tokens,
  top_provider: z
    .object({ max_completion_tokens: tokens, is_moderated: z.boolean().optional().catch(undefined) })
    .optional()
    .catch(undefined),
  supported_parameters: names,
  default_parameters: z.record(z.string(), z.unknown()).optional().catch(undefined),
  architecture: z
    .object({
      modality: text,
      input_modalities: names,
      output_modalities: names,
      tokenizer: text,
      instruct_type: text,
    })
    .optional()
    .catch(undefined),
  pricing: z.record(z.string(), z.unknown()).optional().catch(undefined),
})
type Entry = z.output<typeof Entry>

export type ReadModel = { model: ModelFacts; catalog: CatalogFacts; isDescribed: boolean }

/** What a provider's list says of one model. */
export function readListedModel({ id, entry }: Pick<ListedModel, 'id' | 'entry'>): ReadModel {
  const said = Entry.parse(entry)
  return {
    model: modelFacts(id, said),
    catalog: catalogFacts(said, entry),
    isDescribed: said.architecture !== undefined || said.supported_parameters !== undefined,
  }
}

function modelFacts(id: string, said: Entry): ModelFacts {
  const takes = said.architecture?.input_modalities
  const contextLength = said.context_length ?? said.max_model_len
  const maxCompletionTokens = said.max_completion_tokens ?? said.top_provider?.max_completion_tokens
  return {
    displayName: said.display_name ?? said.name ?? id,
    ...(said.canonical_slug ? { slug: said.canonical_slug } : {}),
    prices: pricesIn(said.pricing ?? {}),
    ...(contextLength ? { contextLength } : {}),
    ...(maxCompletionTokens ? { maxCompletionTokens } : {}),
    family: familyOf(id),
    ...(takes ? { supportsImages: takes.includes('image'), supportsFiles: takes.includes('file') } : {}),
    supportsEmbeddings: /embed/i.test(id) || (said.architecture?.output_modalities ?? []).includes('embeddings'),
    supportsReasoning: (said.supported_parameters ?? []).some((name) => /^(include_)?reasoning/.test(name)),
    supportsAudio: takes?.includes('audio') ?? false,
    supportsVideo: takes?.includes('video') ?? false,
  }
}

/** The first word of the name, or its owner's. */
const familyOf = (id: string): string | null => /^([^/]+)\//.exec(id)?.[1] ?? /^([^-:]+)[-:]/.exec(id)?.[1] ?? null

/** Price per token, or per thing, → our units. */
const OPENROUTER: Record<string, { unit: PriceLine['unit']; of: number }> = {
  prompt: { unit: 'per_1k_prompt_tokens', of: 1000 },
  completion: { unit: 'per_1k_completion_tokens', of: 1000 },
  input_cache_read: { unit: 'per_1k_cached_tokens', of: 1000 },
  request: { unit: 'per_request', of: 1 },
  image: { unit: 'per_image', of: 1 },
  web_search: { unit: 'per_web_search', of: 1 },
  internal_reasoning: { unit: 'per_internal_reasoning', of: 1 },
}

const Line = z.object({ unit: z.string(), amount: z.coerce.number().min(0).max(1e6) })

/** Either `lines` of `{unit, amount in USD}`, or one price by name, per token as OpenRouter states it. */
function pricesIn(pricing: Record<string, unknown>): PriceLine[] {
  const units = new Set(Object.values(OPENROUTER).map(({ unit }) => unit as string))
  if (Array.isArray(pricing.lines))
    return pricing.lines.slice(0, 20).flatMap((each): PriceLine[] => {
      const line = Line.safeParse(each)
      return line.success && units.has(line.data.unit)
        ? [lineOf(line.data.unit as PriceLine['unit'], line.data.amount)]
        : []
    })
  return Object.entries(OPENROUTER).flatMap(([name, { unit, of }]) => {
    const price = pricing[name] === undefined || pricing[name] === '' ? undefined : amount.parse(pricing[name])
    return price === undefined ? [] : [lineOf(unit, price * of)]
  })
}

const lineOf = (unit: PriceLine['unit'], usd: number): PriceLine => ({
  unit,
  // Without what the multiplication of such small numbers leaves behind.
  amount_micro_usd: Math.round(usd * 1e12) / 1e6,
  currency: 'USD',
})

const EVERYWHERE = `temperature max_tokens top_p frequency_penalty presence_penalty stop stream n tools tool_choice
  response_format`.split(/\s+/)

function catalogFacts(said: Entry, entry: Record<string, unknown>): CatalogFacts {
  const defaults = Object.entries({ top_p: '1', temperature: '0.7', ...said.default_parameters })
  return {
    supportedParameters: {
      names: [...new Set([...(said.supported_parameters ?? []), ...EVERYWHERE])],
      default: Object.fromEntries(defaults.map(([name, value]) => [name, decimal(value)])),
    },
    architecture: {
      modality: said.architecture?.modality ?? 'text->text',
      input_modalities: said.architecture?.input_modalities ?? null,
      output_modalities: said.architecture?.output_modalities ?? null,
      tokenizer: said.architecture?.tokenizer ?? '',
      instruct_type: said.architecture?.instruct_type ?? null,
    },
    notes: said.description ?? null,
    isModerated: said.top_provider?.is_moderated ?? null,
    extras: JSON.stringify(entry).length <= LONGEST_EXTRAS ? entry : null,
  }
}

const LONGEST_EXTRAS = 65_536

const decimal = (value: unknown): string | null =>
  typeof value === 'number' || (typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value)))
    ? String(value)
    : null

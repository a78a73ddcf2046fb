import { z } from 'zod'
import { boolean, OffsetQuery, offsetPageOf } from '../models/offset-page.ts'

const names = z.array(z.string().max(200)).max(200)

const SupportedParameters = z.object({
  names,
  default: z.record(z.string().max(100), z.string().max(100).nullable()).describe('Decimals, as text'),
})

const Architecture = z.object({
  modality: z.string().max(200),
  input_modalities: names.nullable(),
  output_modalities: names.nullable(),
  tokenizer: z.string().max(200),
  instruct_type: z.string().max(200).nullable(),
})

export const Catalog = z
  .looseObject({
    id: z.string().describe('Public id of the model'),
    object: z.literal('model_catalog'),
    supported_parameters: SupportedParameters,
    architecture: Architecture,
    tags: z.array(z.string()).optional(),
    notes: z.string().optional(),
    is_moderated: z.boolean().optional(),
    active: z.boolean(),
    extras: z.record(z.string(), z.unknown()).optional().describe('For admins: all that the provider says of it'),
    aliases: z.array(z.string()),
    display_order: z.int().nullable(),
    longer: z.string().nullable().describe('The model for requests that are too long for this one'),
    status: z.enum(['init', 'filled', 'updated']),
    edited: z.array(z.string()).optional().describe('For admins: fields that one of them has set'),
    last_synced_at: z.int().optional(),
    created_at: z.int(),
    updated_at: z.int(),
  })
  .meta({ id: 'ModelCatalog' })

export const EDITABLE = [
  'supported_parameters',
  'architecture',
  'tags',
  'notes',
  'is_moderated',
  'extras',
  'aliases',
  'display_order',
  'longer',
] as const

const short = z.string().trim().min(1).max(512)

export const UpdateCatalog = z
  .strictObject({
    supported_parameters: SupportedParameters.optional(),
    architecture: Architecture.partial().optional(),
    tags: z.array(z.string().max(100)).max(100).nullish(),
    notes: z.string().max(20_000).nullish(),
    is_moderated: z.boolean().nullish(),
    extras: z
      .record(z.string(), z.unknown())
      .refine((extras) => JSON.stringify(extras).length <= 65_536, 'expected at most 65,536 bytes of JSON')
      .nullish(),
    aliases: z.array(short).max(100).nullish().describe('Further names of the model'),
    display_order: z.int().min(-1_000_000).max(1_000_000).nullish().describe('Its place in lists, the lowest first'),
    longer: short.nullish(),
    reset: z.array(z.enum(EDITABLE)).max(EDITABLE.length).optional().describe('Fields to take from the provider again'),
  })
  .meta({ id: 'UpdateModelCatalog' })

export const CatalogQuery = OffsetQuery.extend({
  status: z.enum(['init', 'filled', 'updated']).optional(),
  is_moderated: boolean.optional(),
  active: boolean.optional(),
})

export const CatalogPage = offsetPageOf(Catalog).meta({ id: 'ModelCatalogPage' })

export const CatalogParams = z.object({ id: z.string().describe('May hold slashes, as they are or as %2F') })

export const ToggleCatalogs = z
  .strictObject({
    enable: z.boolean(),
    catalog_ids: z.array(short).max(1_000).default([]).describe('Empty: all'),
    except_models: z.array(short).max(1_000).default([]).describe('Public ids'),
  })
  .meta({ id: 'ToggleModelCatalogs' })

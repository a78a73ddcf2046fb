import { z } from 'zod'
import { numeric } from '../tools/numeric.ts'
import { isStorable } from './storable.ts'

const storableText = (longest: number) =>
  z.string().min(1).max(longest).refine(isStorable, 'expected text without NUL and halves of characters')

const DocumentId = storableText(512)
const VectorStoreId = z.string().regex(/^vs_[0-9a-z]{1,64}$/, 'expected the id of a vector store')
const Tags = z.array(storableText(64)).max(32)
const Labels = z
  .record(z.string(), z.unknown())
  .refine(isStorable, 'expected texts without NUL and halves of characters')
  .refine((value) => JSON.stringify(value).length <= 16_384, 'expected at most 16,384 characters of JSON')

export const fileSearchIndexInput = z
  .object({
    document_id: DocumentId.optional().describe(
      'Name of the document: one of the same name is replaced. Needed with text; else the media id or the URL',
    ),
    text: z.string().min(1).optional().describe('What is to be searched. Exactly one of text, media_id and url'),
    media_id: z
      .string()
      .regex(/^jan_[0-9A-Za-z]{1,64}$/, 'expected a media id: jan_…')
      .optional()
      .describe('Id of an uploaded file (jan_…) whose text is to be searched'),
    url: z.string().min(1).max(8192).optional().describe('Address of a page or document whose text is to be searched'),
    title: storableText(200).optional().describe('Shown with results; else the name of the file or page'),
    tags: Tags.default([]).describe('Words to narrow searches by'),
    metadata: Labels.default({}).describe('Anything else, as JSON; searches can be narrowed by it'),
    vector_store_id: VectorStoreId.optional().describe('Where to keep it (vs_…); else with the documents of everyday'),
  })
  .refine(({ text, media_id, url }) => [text, media_id, url].filter((each) => each !== undefined).length === 1, {
    message: 'expected exactly one of text, media_id and url',
  })
  .refine(({ text, document_id }) => text === undefined || document_id !== undefined, {
    path: ['document_id'],
    message: 'expected with text',
  })

export const fileSearchIndexOutput = z.object({
  document_id: z.string(),
  status: z.literal('indexed'),
  indexed_at: z.iso.datetime(),
  token_count: z.int().describe('Words'),
  chunk_count: z.int().describe('Pieces that it is searched by'),
  title: z.string(),
  source: z.string().nullable().describe('Media id or URL; null for a text that was sent'),
  language: z.string(),
  created_at: z.iso.datetime().describe('When the first of this name was indexed'),
  vector_store_id: z.string(),
  truncated: z.boolean().describe('Only the beginning of the text could be read'),
  embedding_model: z.string().nullable(),
  notice: z.string().optional(),
})

export const fileSearchQueryInput = z.object({
  query: z.string().min(1).max(8192).describe('Words, or a question'),
  top_k: numeric(z.number().meta({ minimum: 1, maximum: 20 }))
    .optional()
    .describe('How many results, 5 unless said, 20 at most'),
  document_ids: z.array(z.string()).max(1000).optional().describe('Only these documents'),
  tags: Tags.optional().describe('Only documents that have all of these tags'),
  metadata: Labels.optional().describe('Only documents whose metadata has these values'),
  vector_store_id: VectorStoreId.optional().describe('Only what is kept there; else everything'),
})

export const fileSearchQueryOutput = z.object({
  query: z.string(),
  top_k: z.int(),
  count: z.int(),
  results: z.array(
    z.object({
      document_id: z.string(),
      title: z.string(),
      score: z.number().describe('0 to 1'),
      text: z.string().describe('The piece that fits'),
      start_index: z.int().describe('Where the piece begins in the document'),
      end_index: z.int(),
      text_preview: z.string().describe('The words around the hit'),
      preview_start: z.int().describe('Where the preview begins in the document'),
      preview_end: z.int(),
      metadata: z.looseObject({}),
      tags: z.array(z.string()),
      source: z.string().nullable(),
      vector_store_id: z.string(),
    }),
  ),
  ranking: z.enum(['text', 'text_and_vectors']),
  notice: z.string().optional(),
})

export const fileSearchDeleteInput = z.object({
  document_id: z.string().min(1).describe('Name of the document'),
  vector_store_id: VectorStoreId.optional().describe('Where it is kept; else the documents of everyday'),
})

export const fileSearchDeleteOutput = z.object({ document_id: z.string(), deleted: z.literal(true) })

export const fileSearchListInput = z.object({
  limit: numeric(z.int().min(1).max(100)).default(20).describe('How many documents'),
  after: z
    .string()
    .regex(/^\d{1,18}$/)
    .optional()
    .describe('next of the list before'),
  tags: Tags.optional().describe('Only documents that have all of these tags'),
  vector_store_id: VectorStoreId.optional().describe('Only what is kept there; else everything'),
})

export const fileSearchListOutput = z.object({
  documents: z.array(
    z.object({
      document_id: z.string(),
      title: z.string(),
      status: z.enum(['completed', 'failed']),
      tags: z.array(z.string()),
      metadata: z.looseObject({}),
      source: z.string().nullable(),
      language: z.string(),
      chars: z.int(),
      chunk_count: z.int(),
      created_at: z.iso.datetime(),
      indexed_at: z.iso.datetime(),
      vector_store_id: z.string(),
    }),
  ),
  next: z.string().nullable().describe('Where to go on; null at the end'),
})

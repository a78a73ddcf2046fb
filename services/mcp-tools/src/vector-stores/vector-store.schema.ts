import { PageQuery, pageOf } from '@jan/service-kit/page'
import { z } from 'zod'
import type { AttributeFilter } from '../documents/document.ts'
import { isStorable } from '../documents/storable.ts'

const text = (longest: number) => z.string().max(longest).refine(isStorable, 'expected text without NUL')
const of16 = (value: object) => Object.keys(value).length <= 16
const key = text(64).min(1)

/** OpenAI's labels of an object: 16 at most. */
const Metadata = z.record(key, text(512)).refine(of16, 'expected at most 16 labels')
/** OpenAI's labels of a file, by which searches are narrowed. */
const Value = z.union([text(512), z.number(), z.boolean()], 'expected a text, a number, true or false')
const Attributes = z.record(key, Value).refine(of16, 'expected at most 16 attributes')
const ExpiresAfter = z.object({ anchor: z.literal('last_active_at'), days: z.int().min(1).max(365) })

export const ChunkingStrategy = z.discriminatedUnion('type', [
  z.object({ type: z.literal('auto') }),
  z.object({
    type: z.literal('static'),
    static: z
      .object({
        max_chunk_size_tokens: z.int().min(100).max(4096),
        chunk_overlap_tokens: z.int().min(0),
      })
      .refine(
        (value) => value.chunk_overlap_tokens * 2 <= value.max_chunk_size_tokens,
        'expected an overlap of at most half the size',
      ),
  }),
])
export type ChunkingStrategy = z.output<typeof ChunkingStrategy>

const FileId = text(512).min(1).describe('Of a file (/v1/files) or media object: jan_…')
/** How many files one request may name: they are read while it waits. */
const FileIds = z.array(FileId).max(100, 'expected at most 100 files; send the others in further requests')

/** Of a vector store. */
export const StoreParams = z.object({ id: z.string() })

export const CreateVectorStore = z.object({
  name: text(256).nullish(),
  description: text(1024).nullish().describe('Kept as the label `description`'),
  file_ids: FileIds.nullish(),
  expires_after: ExpiresAfter.nullish(),
  chunking_strategy: ChunkingStrategy.nullish(),
  metadata: Metadata.nullish(),
})
export type CreateVectorStore = z.output<typeof CreateVectorStore>

export const UpdateVectorStore = z.object({
  name: text(256).nullish(),
  expires_after: ExpiresAfter.nullish(),
  metadata: Metadata.nullish(),
})

const count = z.int()
const FileCounts = z.object({ in_progress: count, completed: count, failed: count, cancelled: count, total: count })
const Seconds = z.int().describe('Seconds since 1970')

export const VectorStore = z
  .looseObject({
    id: z.string(),
    object: z.literal('vector_store'),
    created_at: Seconds,
    name: z.string(),
    usage_bytes: z.int(),
    file_counts: FileCounts,
    status: z.enum(['completed', 'in_progress', 'expired']),
    expires_after: z.object({ anchor: z.literal('last_active_at'), days: z.int() }).nullable(),
    expires_at: Seconds.nullable(),
    last_active_at: Seconds.nullable(),
    metadata: z.record(z.string(), z.string()),
  })
  .meta({ id: 'VectorStore' })

export const VectorStoreList = pageOf(VectorStore).meta({ id: 'VectorStoreList' })

export const DeletedVectorStore = z
  .looseObject({ id: z.string(), object: z.literal('vector_store.deleted'), deleted: z.literal(true) })
  .meta({ id: 'DeletedVectorStore' })

export const AddFile = z.object({
  file_id: FileId,
  attributes: Attributes.nullish(),
  chunking_strategy: ChunkingStrategy.nullish(),
})
export type AddFile = z.output<typeof AddFile>

export const UpdateFile = z.object({ attributes: Attributes.nullable() })

const Status = z.enum(['in_progress', 'completed', 'cancelled', 'failed'])

export const VectorStoreFile = z
  .looseObject({
    id: z.string(),
    object: z.literal('vector_store.file'),
    created_at: Seconds,
    vector_store_id: z.string(),
    usage_bytes: z.int(),
    status: Status,
    last_error: z.object({ code: z.string(), message: z.string() }).nullable(),
    attributes: z.looseObject({}),
    chunking_strategy: z.looseObject({ type: z.string() }),
  })
  .meta({ id: 'VectorStoreFile' })

export const VectorStoreFileList = pageOf(VectorStoreFile).meta({ id: 'VectorStoreFileList' })

export const FileListQuery = PageQuery.extend({
  filter: Status.optional().describe('Only files of this status'),
})
export type FileListQuery = z.output<typeof FileListQuery>

export const DeletedVectorStoreFile = z
  .looseObject({ id: z.string(), object: z.literal('vector_store.file.deleted'), deleted: z.literal(true) })
  .meta({ id: 'DeletedVectorStoreFile' })

const TextPart = z.looseObject({ type: z.literal('text'), text: z.string() })

/** OpenAI's page of everything. */
const everything = <T extends z.ZodType>(row: T) =>
  z.looseObject({ object: z.string(), data: z.array(row), has_more: z.literal(false), next_page: z.null() })

export const FileContent = everything(TextPart).meta({ id: 'VectorStoreFileContent' })

export const CreateFileBatch = z
  .object({
    file_ids: FileIds.nullish(),
    files: z.array(AddFile).max(100, 'expected at most 100 files; send the others in further requests').nullish(),
    attributes: Attributes.nullish(),
    chunking_strategy: ChunkingStrategy.nullish(),
  })
  .refine(({ file_ids, files }) => (file_ids?.length ?? 0) + (files?.length ?? 0) > 0, 'expected file_ids or files')
export type CreateFileBatch = z.output<typeof CreateFileBatch>

export const FileBatch = z
  .looseObject({
    id: z.string(),
    object: z.literal('vector_store.file_batch'),
    created_at: Seconds,
    vector_store_id: z.string(),
    status: Status,
    file_counts: FileCounts,
  })
  .meta({ id: 'VectorStoreFileBatch' })

const Comparison = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['eq', 'ne', 'gt', 'gte', 'lt', 'lte']), key, value: Value }),
  z.object({ type: z.enum(['in', 'nin']), key, value: z.array(Value).max(100) }),
])
/** OpenAI nests them once or twice; deeper is somebody's joke. */
const nested = (inner: z.ZodType<AttributeFilter>) =>
  z.discriminatedUnion(
    'type',
    [...Comparison.options, z.object({ type: z.enum(['and', 'or']), filters: z.array(inner).max(50) })],
    'expected {type, key, value} with one of eq, ne, gt, gte, lt, lte, in, nin, or {type, filters} with and, or',
  ) as z.ZodType<AttributeFilter>

const MOST_COMPARISONS = 100
const countComparisons = (filter: AttributeFilter): number =>
  'filters' in filter ? filter.filters.reduce((total, each) => total + countComparisons(each), 0) : 1

const Filters = nested(nested(nested(Comparison))).refine(
  (filter) => countComparisons(filter) <= MOST_COMPARISONS,
  `expected at most ${MOST_COMPARISONS} comparisons`,
)

const Question = z.string().min(1).max(8192)

export const SearchVectorStore = z.object({
  query: z.union([Question, z.array(Question).min(1).max(10)], 'expected a text, or a list of texts (10 at most)'),
  filters: Filters.nullish(),
  max_num_results: z.int().min(1).max(50).default(10),
  ranking_options: z.looseObject({ score_threshold: z.number().min(0).max(1).nullish() }).nullish(),
  rewrite_query: z.boolean().nullish().describe('Taken, and nothing is rewritten'),
})
export type SearchVectorStore = z.output<typeof SearchVectorStore>

export const SearchResults = everything(
  z.looseObject({
    file_id: z.string(),
    filename: z.string(),
    score: z.number().describe('0 to 1'),
    attributes: z.looseObject({}),
    content: z.array(TextPart),
  }),
)
  .extend({ search_query: z.array(z.string()) })
  .meta({ id: 'VectorStoreSearchResults' })

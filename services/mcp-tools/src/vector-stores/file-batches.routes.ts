import { notFound } from '@jan/service-kit/errors'
import { type Route, route } from '@jan/service-kit/route'
import type { Who } from '@jan/service-kit/who'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { addFiles } from './add-files.ts'
import { pageOfFiles } from './page-of-files.ts'
import { seconds } from './present-collection.ts'
import { requireVectorStore, useVectorStore } from './require-vector-store.ts'
import { common } from './rights.ts'
import { FileListQuery } from './store-files.routes.ts'
import { CreateFileBatch, FileBatch, VectorStoreFileList } from './vector-store.schema.ts'

const StoreParams = z.object({ id: z.string() })
const BatchParams = z.object({ id: z.string(), batch_id: z.string() })
/** More files than one batch may hold. */
const ALL = 1000

/** Several files at once. A batch is done when it answers, so there is nothing to cancel. */
export const fileBatchRoutes = (deps: Deps): Route[] => [
  route({
    ...common,
    operation: 'create_vector_store_file_batch',
    method: 'post',
    path: '/v1/vector_stores/{id}/file_batches',
    summary: 'Add several files to a vector store',
    description: 'They are read at once; what cannot be read is kept as failed, with the reason.',
    params: StoreParams,
    body: CreateFileBatch,
    answers: { 200: FileBatch },
    handler: async ({ params, body, who }) => {
      const { id: collectionId } = await useVectorStore(deps, who, params.id)
      const batchId = who.newId('vsfb')
      await addFiles(deps, who, { files: filesOf(body), collectionId, batchId })
      return readBatch(deps, who, { id: params.id, batch_id: batchId })
    },
  }),
  route({
    ...common,
    operation: 'get_vector_store_file_batch',
    method: 'get',
    path: '/v1/vector_stores/{id}/file_batches/{batch_id}',
    summary: 'Get a batch of files',
    params: BatchParams,
    answers: { 200: FileBatch },
    handler: ({ params, who }) => readBatch(deps, who, params),
  }),
  route({
    ...common,
    operation: 'cancel_vector_store_file_batch',
    method: 'post',
    path: '/v1/vector_stores/{id}/file_batches/{batch_id}/cancel',
    summary: 'Cancel a batch of files',
    description: 'Which is done already.',
    params: BatchParams,
    answers: { 200: FileBatch },
    handler: ({ params, who }) => readBatch(deps, who, params),
  }),
  route({
    ...common,
    operation: 'list_vector_store_file_batch_files',
    method: 'get',
    path: '/v1/vector_stores/{id}/file_batches/{batch_id}/files',
    summary: 'List the files of a batch',
    params: BatchParams,
    query: FileListQuery,
    answers: { 200: VectorStoreFileList },
    handler: ({ params, query, who }) =>
      pageOfFiles(deps, who, { storeId: params.id, batchId: params.batch_id, query }),
  }),
]

/** Of files that say nothing themselves, what is said for all. */
const filesOf = ({ file_ids, files, attributes, chunking_strategy }: z.output<typeof CreateFileBatch>) =>
  files?.length ? files : (file_ids ?? []).map((file_id) => ({ file_id, attributes, chunking_strategy }))

async function readBatch(deps: Deps, who: Who, { id, batch_id: batchId }: z.output<typeof BatchParams>) {
  const { workspaceId } = await requireVectorStore(deps, who, id)
  const files = await deps.documents.list(workspaceId, { collectionId: id, batchId }, { limit: ALL, order: 'asc' })
  if (files.length === 0) throw notFound('File batch', batchId)
  const failed = files.filter(({ status }) => status === 'failed').length
  return {
    id: batchId,
    object: 'vector_store.file_batch' as const,
    created_at: Math.min(...files.map(({ indexedAt }) => seconds(indexedAt))),
    vector_store_id: id,
    status: 'completed' as const,
    file_counts: { in_progress: 0, completed: files.length - failed, failed, cancelled: 0, total: files.length },
  }
}

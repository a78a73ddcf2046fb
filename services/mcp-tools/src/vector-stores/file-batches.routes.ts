import { notFound } from '@jan/service-kit/errors'
import { type Route, route } from '@jan/service-kit/route'
import type { Who } from '@jan/service-kit/who'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { createFileBatch } from './create-file-batch.ts'
import type { FileBatch as Batch } from './file-batch.store.ts'
import { pageOfFiles } from './page-of-files.ts'
import { presentBatch } from './present-batch.ts'
import { requireVectorStore } from './require-vector-store.ts'
import { personOrRun } from './rights.ts'
import { CreateFileBatch, FileBatch, FileListQuery, StoreParams, VectorStoreFileList } from './vector-store.schema.ts'

const BatchParams = z.object({ id: z.string(), batch_id: z.string() })

/** Several files at once. A batch is done when it answers, so there is nothing to cancel. */
export const fileBatchRoutes = (deps: Deps): Route[] => [
  route({
    ...personOrRun,
    operation: 'create_vector_store_file_batch',
    method: 'post',
    path: '/v1/vector_stores/{id}/file_batches',
    summary: 'Add several files to a vector store',
    description: 'They are read at once; what cannot be read is kept as failed, with the reason.',
    params: StoreParams,
    body: CreateFileBatch,
    answers: { 200: FileBatch },
    idempotent: true,
    handler: async ({ params, body, who }) =>
      presentBatch(await createFileBatch(deps, who, { ...body, storeId: params.id })),
  }),
  route({
    ...personOrRun,
    operation: 'get_vector_store_file_batch',
    method: 'get',
    path: '/v1/vector_stores/{id}/file_batches/{batch_id}',
    summary: 'Get a batch of files',
    description: 'As it was when it was done.',
    params: BatchParams,
    answers: { 200: FileBatch },
    handler: async ({ params, who }) => presentBatch(await requireBatch(deps, who, params)),
  }),
  route({
    ...personOrRun,
    operation: 'cancel_vector_store_file_batch',
    method: 'post',
    path: '/v1/vector_stores/{id}/file_batches/{batch_id}/cancel',
    summary: 'Cancel a batch of files',
    description: 'Which is done already.',
    params: BatchParams,
    answers: { 200: FileBatch },
    handler: async ({ params, who }) => presentBatch(await requireBatch(deps, who, params)),
  }),
  route({
    ...personOrRun,
    operation: 'list_vector_store_file_batch_files',
    method: 'get',
    path: '/v1/vector_stores/{id}/file_batches/{batch_id}/files',
    summary: 'List the files of a batch',
    description: 'Those that are still in the store, as they are now.',
    params: BatchParams,
    query: FileListQuery,
    answers: { 200: VectorStoreFileList },
    handler: async ({ params, query, who }) => {
      const { fileIds } = await requireBatch(deps, who, params)
      return pageOfFiles(deps, who, { storeId: params.id, ids: fileIds, query })
    },
  }),
]

/** @throws AppError `not_found` when the store is not the caller's, or has no such batch */
async function requireBatch(deps: Deps, who: Who, { id, batch_id }: z.output<typeof BatchParams>): Promise<Batch> {
  const { id: collectionId } = await requireVectorStore(deps, who, id)
  const batch = await deps.fileBatches.find(collectionId, batch_id)
  if (!batch) throw notFound('File batch', batch_id)
  return batch
}

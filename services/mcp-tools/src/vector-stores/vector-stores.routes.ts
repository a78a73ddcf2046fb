import { notFound, presentOpenAiError } from '@jan/service-kit/errors'
import { PageQuery, presentPage } from '@jan/service-kit/page'
import { presentErrorsAs, type Route, route } from '@jan/service-kit/route'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { createVectorStore } from './create-vector-store.ts'
import { fileBatchRoutes } from './file-batches.routes.ts'
import { presentCollection } from './present-collection.ts'
import { requireVectorStore } from './require-vector-store.ts'
import { personOrRun } from './rights.ts'
import { searchVectorStore } from './search-vector-store.ts'
import { storeFileRoutes } from './store-files.routes.ts'
import {
  CreateVectorStore,
  DeletedVectorStore,
  SearchResults,
  SearchVectorStore,
  StoreParams,
  UpdateVectorStore,
  VectorStore,
  VectorStoreList,
} from './vector-store.schema.ts'

/** OpenAI's vector stores: collections of the documents that file_search_* index and find. */
export const vectorStoreRoutes = (deps: Deps): Route[] =>
  presentErrorsAs(presentOpenAiError, [
    ...manyRoutes(deps),
    ...oneRoutes(deps),
    ...storeFileRoutes(deps),
    ...fileBatchRoutes(deps),
  ])

const manyRoutes = (deps: Deps): Route[] => [
  route({
    ...personOrRun,
    operation: 'create_vector_store',
    method: 'post',
    path: '/v1/vector_stores',
    summary: 'Create a vector store',
    description: 'Its files are read at once: when it answers, they can be searched.',
    body: CreateVectorStore,
    answers: { 200: VectorStore },
    idempotent: true,
    handler: ({ body, who }) => createVectorStore(deps, who, body),
  }),
  route({
    ...personOrRun,
    operation: 'list_vector_stores',
    method: 'get',
    path: '/v1/vector_stores',
    summary: 'List vector stores',
    description: 'Newest first, unless told otherwise; among them the one that file_search_index keeps documents in.',
    query: PageQuery,
    answers: { 200: VectorStoreList },
    handler: async ({ query, who }) => {
      const { workspaceId } = who.caller
      const rows = await deps.collections.list(workspaceId, query)
      const counts = await deps.collections.countFiles(
        workspaceId,
        rows.map(({ id }) => id),
      )
      return presentPage(
        rows.map((row) => presentCollection(row, counts.get(row.id), deps.now())),
        query.limit,
      )
    },
  }),
]

const oneRoutes = (deps: Deps): Route[] => [
  route({
    ...personOrRun,
    operation: 'get_vector_store',
    method: 'get',
    path: '/v1/vector_stores/{id}',
    summary: 'Get a vector store',
    params: StoreParams,
    answers: { 200: VectorStore },
    handler: ({ params, who }) => readStore(deps, who, params.id),
  }),
  route({
    ...personOrRun,
    operation: 'update_vector_store',
    method: 'post',
    path: '/v1/vector_stores/{id}',
    summary: 'Rename or label a vector store',
    description: 'What is named is changed, metadata as a whole; null takes an expiry or labels away.',
    params: StoreParams,
    body: UpdateVectorStore,
    answers: { 200: VectorStore },
    handler: async ({ params, body, who }) => {
      const { name, metadata, expires_after: expiry } = body
      const found = await requireVectorStore(deps, who, params.id)
      await deps.collections.update(found, {
        ...(name === undefined ? {} : { name: name ?? '' }),
        ...(metadata === undefined ? {} : { metadata: metadata ?? {} }),
        ...(expiry === undefined ? {} : { expiresAfterDays: expiry?.days ?? null }),
        lastActiveAt: deps.now(),
      })
      return readStore(deps, who, params.id)
    },
  }),
  route({
    ...personOrRun,
    operation: 'delete_vector_store',
    method: 'delete',
    path: '/v1/vector_stores/{id}',
    summary: 'Delete a vector store',
    description: 'And what was indexed in it; the files themselves stay.',
    params: StoreParams,
    answers: { 200: DeletedVectorStore },
    handler: async ({ params, who }) => {
      const { id, workspaceId } = await requireVectorStore(deps, who, params.id)
      await deps.documents.delete(workspaceId, { collectionId: id })
      if (!(await deps.collections.delete(workspaceId, id))) throw notFound('Vector store', id)
      return { id, object: 'vector_store.deleted' as const, deleted: true as const }
    },
  }),
  route({
    ...personOrRun,
    operation: 'search_vector_store',
    method: 'post',
    path: '/v1/vector_stores/{id}/search',
    summary: 'Search a vector store',
    description: 'By words in every script and, where the operator has a model for it, by meaning.',
    params: StoreParams,
    body: SearchVectorStore,
    answers: { 200: SearchResults },
    handler: ({ params, body, who }) => searchVectorStore(deps, who, { ...body, id: params.id }),
  }),
]

async function readStore(deps: Deps, who: Who, id: string) {
  const found = await requireVectorStore(deps, who, id)
  const counts = await deps.collections.countFiles(found.workspaceId, [id])
  return presentCollection(found, counts.get(id), deps.now())
}

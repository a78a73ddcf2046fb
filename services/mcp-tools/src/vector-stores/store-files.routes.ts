import { type Route, route } from '@jan/service-kit/route'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { addFile } from './add-file.ts'
import { pageOfFiles } from './page-of-files.ts'
import { presentFile } from './present-file.ts'
import { requireFile, useVectorStore } from './require-vector-store.ts'
import { personOrRun } from './rights.ts'
import {
  AddFile,
  DeletedVectorStoreFile,
  FileContent,
  FileListQuery,
  StoreParams,
  UpdateFile,
  VectorStoreFile,
  VectorStoreFileList,
} from './vector-store.schema.ts'

const FileParams = z.object({ id: z.string(), file_id: z.string() })

const placeOf = ({ id, file_id }: z.output<typeof FileParams>) => ({ storeId: id, fileId: file_id })

export const storeFileRoutes = (deps: Deps): Route[] => [
  route({
    ...personOrRun,
    operation: 'create_vector_store_file',
    method: 'post',
    path: '/v1/vector_stores/{id}/files',
    summary: 'Add a file to a vector store',
    description: 'It is read at once; what cannot be read is kept as failed, with the reason.',
    params: StoreParams,
    body: AddFile,
    answers: { 200: VectorStoreFile },
    handler: async ({ params, body, who }) => {
      const { id: collectionId } = await useVectorStore(deps, who, params.id)
      return presentFile(await addFile(deps, who, { file: body, collectionId }))
    },
  }),
  route({
    ...personOrRun,
    operation: 'list_vector_store_files',
    method: 'get',
    path: '/v1/vector_stores/{id}/files',
    summary: 'List the files of a vector store',
    description: 'Newest first, unless told otherwise.',
    params: StoreParams,
    query: FileListQuery,
    answers: { 200: VectorStoreFileList },
    handler: ({ params, query, who }) => pageOfFiles(deps, who, { storeId: params.id, query }),
  }),
  route({
    ...personOrRun,
    operation: 'get_vector_store_file',
    method: 'get',
    path: '/v1/vector_stores/{id}/files/{file_id}',
    summary: 'Get a file of a vector store',
    params: FileParams,
    answers: { 200: VectorStoreFile },
    handler: async ({ params, who }) => presentFile(await requireFile(deps, who, placeOf(params))),
  }),
  route({
    ...personOrRun,
    operation: 'update_vector_store_file',
    method: 'post',
    path: '/v1/vector_stores/{id}/files/{file_id}',
    summary: 'Label a file of a vector store',
    params: FileParams,
    body: UpdateFile,
    answers: { 200: VectorStoreFile },
    handler: async ({ params, body, who }) => {
      const document = await requireFile(deps, who, placeOf(params))
      const metadata = body.attributes ?? {}
      await deps.documents.setMetadata(document, metadata)
      return presentFile({ ...document, metadata })
    },
  }),
  route({
    ...personOrRun,
    operation: 'delete_vector_store_file',
    method: 'delete',
    path: '/v1/vector_stores/{id}/files/{file_id}',
    summary: 'Remove a file from a vector store',
    description: 'The file itself stays.',
    params: FileParams,
    answers: { 200: DeletedVectorStoreFile },
    handler: async ({ params, who }) => {
      const { id, collectionId, workspaceId } = await requireFile(deps, who, placeOf(params))
      await deps.documents.delete(workspaceId, { collectionId, ids: [id] })
      return { id, object: 'vector_store.file.deleted' as const, deleted: true as const }
    },
  }),
  route({
    ...personOrRun,
    operation: 'get_vector_store_file_content',
    method: 'get',
    path: '/v1/vector_stores/{id}/files/{file_id}/content',
    summary: 'Get the text of a file as it is searched',
    params: FileParams,
    answers: { 200: FileContent },
    handler: async ({ params, who }) => {
      const text = await deps.documents.textOf(await requireFile(deps, who, placeOf(params)))
      const data = text === '' ? [] : [{ type: 'text' as const, text }]
      return { object: 'vector_store.file_content.page', data, has_more: false as const, next_page: null }
    },
  }),
]

import { pageOf, presentPage } from '@jan/service-kit/page'
import { type Route, route, streamedBody, streamOf } from '@jan/service-kit/route'
import { z } from 'zod'
import { reachOf } from '../access/reach.ts'
import type { Deps } from '../deps.ts'
import { deleteMedia } from '../media/delete-media.ts'
import { sendMedia } from '../media/get-media-content.ts'
import { receiveForm } from '../media/receive-form.ts'
import { requireOneMedia } from '../media/require-media.ts'
import { DeletedFile, FileFields, FileListQuery, FileObject } from './file.schema.ts'
import { presentFile } from './present-file.ts'

const FileParams = z.object({ id: z.string() })
const common = { auth: 'any', scope: 'media' } as const

/** OpenAI's files: the same objects under the same ids, each upload one of its own. */
export const fileRoutes = (deps: Deps): Route[] => [
  route({
    ...common,
    operation: 'create_file',
    method: 'post',
    path: '/v1/files',
    summary: 'Upload a file',
    description:
      'A form with `file` and `purpose`, as the OpenAI SDK sends it. It is kept until it is deleted or expires.',
    body: streamedBody(['multipart/form-data']),
    answers: { 200: FileObject },
    idempotent: true,
    handler: async ({ body, who }) => {
      const { media } = await receiveForm(deps, who, body, (fields) => {
        const { purpose, 'expires_after[seconds]': seconds } = FileFields.parse(fields)
        const expiresAt = seconds === undefined ? null : new Date(deps.now().getTime() + seconds * 1000)
        return { filename: undefined, purpose, expiresAt }
      })
      return presentFile(media)
    },
  }),
  route({
    ...common,
    operation: 'list_files',
    method: 'get',
    path: '/v1/files',
    summary: 'List files',
    description: 'Newest first, unless told otherwise.',
    query: FileListQuery,
    answers: { 200: pageOf(FileObject).meta({ id: 'FileList' }) },
    handler: async ({ query: { limit, order, after, purpose }, who }) => {
      const filter = purpose === undefined ? { files: true } : { files: true, purpose }
      const rows = await deps.media.list(reachOf(who.caller), filter, { limit, order, after })
      return presentPage(rows.map(presentFile), limit)
    },
  }),
  route({
    ...common,
    operation: 'get_file',
    method: 'get',
    path: '/v1/files/{id}',
    summary: 'Get what is known of a file',
    params: FileParams,
    answers: { 200: FileObject },
    handler: async ({ params, who }) => presentFile(await requireOneMedia(deps, who, reachOf(who.caller), params.id)),
  }),
  route({
    ...common,
    operation: 'get_file_content',
    method: 'get',
    path: '/v1/files/{id}/content',
    summary: 'Download a file',
    params: FileParams,
    answers: { 200: streamOf('*/*', 'The bytes'), 206: streamOf('*/*', 'The range that was asked for'), 304: null },
    handler: async ({ params, headers, who }) =>
      sendMedia(deps, await requireOneMedia(deps, who, reachOf(who.caller), params.id), headers),
  }),
  route({
    ...common,
    operation: 'delete_file',
    method: 'delete',
    path: '/v1/files/{id}',
    summary: 'Delete a file',
    params: FileParams,
    answers: { 200: DeletedFile },
    handler: async ({ params, who }) => {
      await deleteMedia(deps, who, params.id)
      return { id: params.id, object: 'file' as const, deleted: true as const }
    },
  }),
]

import { type Route, route, streamedBody, streamOf } from '@jan/service-kit/route'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { getSignedObject } from './get-signed-object.ts'
import { putSignedObject, type UploadSettings } from './put-signed-object.ts'
import { SIGNED_OBJECTS_PATH } from './url-signer.ts'

const ObjectParams = z.object({ key: z.string() })

const expires = z.coerce.number().int().describe('Seconds since 1970')

const GetQuery = z.object({
  expires,
  type: z.string(),
  filename: z.string(),
  disposition: z.enum(['inline', 'attachment']),
  signature: z.string(),
})

const PutQuery = z.object({
  expires,
  type: z.string().describe('The Content-Type that must be sent'),
  bytes: z.coerce.number().int().optional().describe('The Content-Length that must be sent'),
  signature: z.string(),
})

type Needs = Pick<Deps, 'storage' | 'urls' | 'now'> & { settings: UploadSettings }

export const storageRoutes = (deps: Needs): Route[] => [
  route({
    operation: 'get_signed_object',
    method: 'get',
    path: `${SIGNED_OBJECTS_PATH}/{key+}`,
    summary: 'Read an object by a signed URL',
    description: 'Where presigned URLs lead when the bytes are on disk. The signature stands in for a token.',
    auth: 'none',
    params: ObjectParams,
    query: GetQuery,
    answers: {
      200: streamOf('*/*', 'The bytes'),
      206: streamOf('*/*', 'The range that was asked for'),
      304: null,
    },
    handler: ({ params, query: { signature, disposition, ...signed }, headers }) =>
      getSignedObject(deps, {
        object: { ...params, ...signed, isInline: disposition === 'inline' },
        signature,
        headers,
      }),
  }),
  route({
    operation: 'put_signed_object',
    method: 'put',
    path: `${SIGNED_OBJECTS_PATH}/{key+}`,
    summary: 'Write an object by a signed URL',
    description:
      'Where upload URLs lead when the bytes are kept on disk. The signature stands in for a token. Content-Type, and Content-Length if the URL names it, must be those that were signed. Sending again replaces what was sent before.',
    auth: 'none',
    params: ObjectParams,
    query: PutQuery,
    body: streamedBody(),
    answers: { 200: null },
    handler: ({ params, query: { signature, ...signed }, body }) =>
      putSignedObject(deps, { object: { ...params, ...signed }, signature, body }),
  }),
]

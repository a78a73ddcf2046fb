import { type Route, route, streamOf } from '@jan/service-kit/route'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { getSignedObject } from './get-signed-object.ts'
import { SIGNED_OBJECTS_PATH } from './url-signer.ts'

const SignedQuery = z.object({
  expires: z.coerce.number().int().describe('Seconds since 1970'),
  type: z.string(),
  filename: z.string(),
  signature: z.string(),
})

export const storageRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'get_signed_object',
    method: 'get',
    path: `${SIGNED_OBJECTS_PATH}/{key+}`,
    summary: 'Read an object by a signed URL',
    description: 'Where presigned URLs lead when the bytes are on disk. The signature stands in for a token.',
    auth: 'none',
    params: z.object({ key: z.string() }),
    query: SignedQuery,
    answers: {
      200: streamOf('image/*', 'The bytes'),
      206: streamOf('image/*', 'The range that was asked for'),
      304: null,
    },
    handler: ({ params, query: { signature, ...signed }, headers }) =>
      getSignedObject(deps, { object: { ...params, ...signed }, signature, headers }),
  }),
]

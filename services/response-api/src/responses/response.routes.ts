import { PageQuery } from '@jan/service-kit/page'
import { type Route, route } from '@jan/service-kit/route'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { createResponse } from './create-response.ts'
import { getResponse } from './get-response.ts'
import { listInputItems } from './list-input-items.ts'
import { replayResponse } from './replay-response.ts'
import { CreateResponse, ItemPage, isStored, ResponseResource } from './response.schema.ts'

const ResponseId = z.object({ response_id: z.string() })

export const responseRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'create_response',
    method: 'post',
    path: '/v1/responses',
    summary: 'Run a model with tools until it answers',
    description:
      'With stream: true the answer is text/event-stream: the events of the run, the last of which holds the response.',
    auth: 'person',
    scope: 'responses',
    body: CreateResponse,
    answers: { 200: ResponseResource },
    idempotent: ({ body }) => isStored(body),
    handler: ({ body, who }) => createResponse(deps, who, body),
    // The id under which the request has made it.
    replay: ({ who }) => replayResponse(deps, who, who.newId('resp')),
  }),
  route({
    operation: 'get_response',
    method: 'get',
    path: '/v1/responses/{response_id}',
    summary: 'A stored response',
    auth: 'person',
    scope: 'responses',
    params: ResponseId,
    query: z.object({ stream: z.enum(['true', 'false']).default('false').describe('Not offered yet') }),
    answers: { 200: ResponseResource },
    handler: ({ params, query, who }) =>
      getResponse(deps, who, { id: params.response_id, stream: query.stream === 'true' }),
  }),
  route({
    operation: 'list_input_items',
    method: 'get',
    path: '/v1/responses/{response_id}/input_items',
    summary: 'What a response was given',
    auth: 'person',
    scope: 'responses',
    params: ResponseId,
    query: PageQuery,
    answers: { 200: ItemPage },
    handler: ({ params, query, who }) => listInputItems(deps, who, { id: params.response_id, page: query }),
  }),
]

import { type Route, route, streamOf } from '@jan/service-kit/route'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { ConversationAnswer, DeletedConversation, ExportQuery, ForkConversation } from './conversation.schema.ts'
import { deleteConversation } from './delete-conversation.ts'
import { exportConversation } from './export-conversation.ts'
import { forkConversation } from './fork-conversation.ts'
import { presentConversation } from './present-conversation.ts'
import { common } from './rights.ts'
import { setStatus } from './set-status.ts'

const Params = z.object({ id: z.string() })

/** What becomes of a conversation: a file, another one, nothing. */
export const derivedRoutes = (deps: Deps): Route[] => [
  ...(
    [
      ['archive', 'archived', 'Put a conversation away', 'It is listed only to those who ask for archived ones.'],
      ['restore', 'active', 'Take a conversation back from the archive', 'It is listed where it was.'],
    ] as const
  ).map(([verb, status, summary, description]) =>
    route({
      ...common,
      operation: `${verb}_conversation`,
      method: 'post',
      path: `/v1/conversations/{id}/${verb}`,
      summary,
      description,
      params: Params,
      answers: { 200: ConversationAnswer },
      handler: async ({ params, who }) => presentConversation(await setStatus(deps, who, { id: params.id, status })),
    }),
  ),
  route({
    ...common,
    operation: 'export_conversation',
    method: 'get',
    path: '/v1/conversations/{id}/export',
    summary: 'Get a conversation as a file',
    description: 'As JSON with everything of every branch, or as Markdown to read.',
    params: Params,
    query: ExportQuery,
    answers: { 200: streamOf('*/*', 'JSON or Markdown') },
    handler: ({ params, query, who }) => exportConversation(deps, who, { id: params.id, format: query.format }),
  }),
  route({
    ...common,
    operation: 'fork_conversation',
    method: 'post',
    path: '/v1/conversations/{id}/fork',
    summary: 'Go on from an item in a conversation of its own',
    description: 'Items up to that one are copied. The old conversation stays as it is.',
    params: Params,
    body: ForkConversation.nullish(),
    answers: { 200: ConversationAnswer },
    idempotent: true,
    handler: async ({ params, body, who }) => {
      const fork = { id: params.id, itemId: body?.item_id ?? undefined, title: body?.title ?? undefined }
      return presentConversation(await forkConversation(deps, who, fork))
    },
  }),
  route({
    ...common,
    operation: 'delete_conversation',
    method: 'delete',
    path: '/v1/conversations/{id}',
    summary: 'Delete a conversation',
    params: Params,
    answers: { 200: DeletedConversation },
    handler: async ({ params, who }) => {
      await deleteConversation(deps, who, params.id)
      return { id: params.id, object: 'conversation.deleted' as const, deleted: true as const }
    },
  }),
]

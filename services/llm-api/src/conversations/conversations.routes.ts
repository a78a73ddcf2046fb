import { type Route, route } from '@jan/service-kit/route'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { branchRoutes } from './branches.routes.ts'
import {
  ConversationAnswer,
  ConversationList,
  ConversationListQuery,
  CreateConversation,
  FoundConversations,
  SearchQuery,
  UpdateConversation,
} from './conversation.schema.ts'
import { createConversation } from './create-conversation.ts'
import { derivedRoutes } from './derived.routes.ts'
import { internalConversationRoutes } from './internal.routes.ts'
import { itemRoutes } from './items.routes.ts'
import { listConversations } from './list-conversations.ts'
import { presentConversation } from './present-conversation.ts'
import { requireConversation } from './require-conversation.ts'
import { common } from './rights.ts'
import { searchConversations } from './search-conversations.ts'
import { takeItems } from './take-items.ts'
import { updateConversation } from './update-conversation.ts'

const Params = z.object({ id: z.string() })

/** What is asked by a fixed path stands before what is asked by an id. */
export const conversationRoutes = (deps: Deps): Route[] => [
  ...manyRoutes(deps),
  ...oneRoutes(deps),
  ...derivedRoutes(deps),
  ...itemRoutes(deps),
  ...branchRoutes(deps),
  ...internalConversationRoutes(deps),
]

const manyRoutes = (deps: Deps): Route[] => [
  route({
    ...common,
    operation: 'create_conversation',
    method: 'post',
    path: '/v1/conversations',
    summary: 'Begin a conversation',
    description: "OpenAI's, with a title, a referrer and a project. With its items, or not at all.",
    body: CreateConversation.nullish(),
    answers: { 200: ConversationAnswer },
    idempotent: true,
    handler: async ({ body, who }) => {
      const { id, title, metadata, referrer, project_id: projectId, items } = body ?? {}
      const taken = takeItems(who, items ?? [])
      const given = { title, metadata, referrer, projectId, items: taken }
      const input = who.caller.via === undefined ? given : { ...given, id }
      return presentConversation(await createConversation(deps, who, input))
    },
  }),
  route({
    ...common,
    operation: 'list_conversations',
    method: 'get',
    path: '/v1/conversations',
    summary: 'List conversations',
    description: 'Those with the latest items first, unless told otherwise. Renaming, moving and rating move nothing.',
    query: ConversationListQuery,
    answers: { 200: ConversationList },
    tool: {
      description:
        'Lists your conversations, without what was said in them. The one with the latest items comes first.',
      hidden: ['cursor', 'offset'],
    },
    handler: ({ query, who }) => listConversations(deps, who, query),
  }),
  route({
    ...common,
    operation: 'search_conversations',
    method: 'get',
    path: '/v1/conversations/search',
    summary: 'Search titles and texts',
    description: 'All words must be in the title, or in one item, each at least with its beginning; case is no matter.',
    query: SearchQuery,
    answers: { 200: FoundConversations },
    tool: {
      description:
        'Searches the titles and texts of your conversations. All words must be in the title, or in one item, each at ' +
        'least with its beginning.',
      hidden: ['cursor'],
    },
    handler: ({ query, who }) => searchConversations(deps, who, query),
  }),
]

const oneRoutes = (deps: Deps): Route[] => [
  route({
    ...common,
    operation: 'get_conversation',
    method: 'get',
    path: '/v1/conversations/{id}',
    summary: 'Get a conversation',
    description: 'Without its items.',
    params: Params,
    answers: { 200: ConversationAnswer },
    handler: async ({ params, who }) => presentConversation(await requireConversation(deps, who, params.id)),
  }),
  ...(
    [
      ['update_conversation', 'post'],
      ['patch_conversation', 'patch'],
    ] as const
  ).map(([operation, method]) =>
    route({
      ...common,
      operation,
      method,
      path: '/v1/conversations/{id}',
      summary: 'Rename, label or move a conversation',
      description: 'What is named is changed, metadata as a whole. POST and PATCH do the same.',
      params: Params,
      body: UpdateConversation,
      answers: { 200: ConversationAnswer },
      handler: async ({ params, body, who }) =>
        presentConversation(await updateConversation(deps, who, { ...body, id: params.id })),
    }),
  ),
]

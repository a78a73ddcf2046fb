import { type Route, route } from '@jan/service-kit/route'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { appendItems } from './append-items.ts'
import { ConversationAnswer } from './conversation.schema.ts'
import { deleteItem } from './delete-item.ts'
import { CreateItems, IncludeQuery, ItemAnswer, ItemList, ItemListQuery, includedIn, RateItem } from './item.schema.ts'
import { listItems } from './list-items.ts'
import { presentConversation } from './present-conversation.ts'
import { presentItem } from './present-item.ts'
import { presentRows } from './present-rows.ts'
import { rateItem } from './rate-item.ts'
import { requireItem } from './require-item.ts'
import { common } from './rights.ts'

const Params = z.object({ id: z.string() })
const ItemParams = Params.extend({ item_id: z.string() })

export const itemRoutes = (deps: Deps): Route[] => [...plainRoutes(deps), ...judgingRoutes(deps)]

const plainRoutes = (deps: Deps): Route[] => [
  route({
    ...common,
    operation: 'create_conversation_items',
    method: 'post',
    path: '/v1/conversations/{id}/items',
    summary: 'Add items to a conversation',
    description: "At the end of the active branch: all of them, or none. OpenAI's items, which are kept whole.",
    params: Params,
    query: IncludeQuery,
    body: CreateItems,
    answers: { 200: ItemList },
    idempotent: true,
    handler: async ({ params, query, body, who }) => {
      const items = await appendItems(deps, who, { id: params.id, items: body.items })
      const rows = items.map((item) => presentItem(item, includedIn(query)))
      return presentRows(rows, rows.length)
    },
  }),
  route({
    ...common,
    operation: 'list_conversation_items',
    method: 'get',
    path: '/v1/conversations/{id}/items',
    summary: 'List the items of a conversation',
    description: 'Those of one branch, the last one first, unless told otherwise.',
    params: Params,
    query: ItemListQuery,
    answers: { 200: ItemList },
    tool: { name: 'get_conversation_items', hidden: ['include[]', 'cursor'] },
    handler: ({ params, query, who }) => listItems(deps, who, { ...query, id: params.id }),
  }),
  route({
    ...common,
    operation: 'get_conversation_item',
    method: 'get',
    path: '/v1/conversations/{id}/items/{item_id}',
    summary: 'Get an item of a conversation',
    params: ItemParams,
    query: IncludeQuery,
    answers: { 200: ItemAnswer },
    handler: async ({ params, query, who }) => {
      const item = await requireItem(deps, who, { id: params.id, itemId: params.item_id })
      return presentItem(item, includedIn(query))
    },
  }),
  route({
    ...common,
    operation: 'delete_conversation_item',
    method: 'delete',
    path: '/v1/conversations/{id}/items/{item_id}',
    summary: 'Delete an item of a conversation',
    description: 'In every branch that shares it. The answer is the conversation.',
    params: ItemParams,
    answers: { 200: ConversationAnswer },
    handler: async ({ params, who }) =>
      presentConversation(await deleteItem(deps, who, { id: params.id, itemId: params.item_id })),
  }),
]

const judgingRoutes = (deps: Deps): Route[] => [
  route({
    ...common,
    operation: 'rate_conversation_item',
    method: 'post',
    path: '/v1/conversations/{id}/items/{item_id}/rating',
    summary: 'Rate an item',
    description: 'The last rating stands; null takes it back, and the comment with it.',
    params: ItemParams,
    body: RateItem,
    answers: { 200: ItemAnswer },
    handler: async ({ params, body: { rating, comment }, who }) =>
      presentItem(await rateItem(deps, who, { id: params.id, itemId: params.item_id, rating, comment })),
  }),
]

import { type Route, route } from '@jan/service-kit/route'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import { appendItems } from './append-items.ts'
import { CreateItems, History, ItemList } from './item.schema.ts'
import { presentConversation } from './present-conversation.ts'
import { presentWholeItem } from './present-item.ts'
import { presentRows } from './present-rows.ts'
import { readHistory } from './read-history.ts'
import { common, requireService } from './rights.ts'

const Params = z.object({ id: z.string() })

/** For our services, which act for the person whose conversation it is. */
export const internalConversationRoutes = (deps: Deps): Route[] => [
  route({
    ...common,
    operation: 'read_conversation_history',
    method: 'get',
    path: '/internal/conversations/{id}/history',
    summary: 'What a model is to know of a conversation',
    description: 'Items of the active branch, oldest first, at most the newest 1,000.',
    params: Params,
    answers: { 200: History },
    handler: async ({ params, who }) => {
      requireService(who)
      const { conversation, items } = await readHistory(deps, who, params.id)
      return {
        object: 'conversation.history' as const,
        conversation: presentConversation(conversation),
        items: items.map(presentWholeItem),
      }
    },
  }),
  route({
    ...common,
    operation: 'append_conversation_items',
    method: 'post',
    path: '/internal/conversations/{id}/items',
    summary: 'Add items to a conversation, once by id',
    description: 'Items whose ids are there already are left as they are, and answered as they are.',
    params: Params,
    body: CreateItems,
    answers: { 200: ItemList },
    idempotent: true,
    handler: async ({ params, body, who }) => {
      requireService(who)
      const items = await appendItems(deps, who, { id: params.id, items: body.items, title: body.title ?? undefined })
      const rows = items.map(presentWholeItem)
      return presentRows(rows, rows.length)
    },
  }),
]

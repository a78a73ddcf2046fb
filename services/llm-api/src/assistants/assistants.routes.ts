import { invalid } from '@jan/service-kit/errors'
import { presentPage } from '@jan/service-kit/page'
import { type Route, route } from '@jan/service-kit/route'
import { noteAct } from '../audit/note-act.ts'
import type { Deps } from '../deps.ts'
import {
  AssistantAnswer,
  AssistantPage,
  AssistantParams,
  AssistantQuery,
  CreateAssistant,
  DeletedAssistant,
  UpdateAssistant,
} from './assistant.schema.ts'
import { createAssistant } from './create-assistant.ts'
import { deleteAssistant } from './delete-assistant.ts'
import { presentAssistant } from './present-assistant.ts'
import { requireAssistant } from './require-assistant.ts'
import { updateAssistant } from './update-assistant.ts'

/** The longest instructions with every character escaped, and some room. */
const BODY_LIMIT = 4_194_304
const common = { auth: 'person', scope: 'chat' } as const

export const assistantRoutes = (deps: Deps): Route[] => [
  route({
    ...common,
    operation: 'create_assistant',
    method: 'post',
    path: '/v1/assistants',
    summary: 'Make an assistant',
    description:
      'A model with instructions and rules for its tools, under one id. An admin may share it with everybody.',
    body: CreateAssistant,
    bodyLimit: BODY_LIMIT,
    answers: { 200: AssistantAnswer },
    idempotent: true,
    handler: async ({ body, who, address }) => {
      const assistant = await createAssistant(deps, who, body)
      if (assistant.shared)
        await noteAct(deps, { who, address }, { act: 'shared_assistant.created', target: assistant.id })
      return presentAssistant(assistant)
    },
  }),
  route({
    ...common,
    operation: 'list_assistants',
    method: 'get',
    path: '/v1/assistants',
    summary: 'Your assistants, and those shared with everybody',
    query: AssistantQuery,
    answers: { 200: AssistantPage },
    tool: {},
    handler: async ({ query: { shared, ...page }, who }) => {
      const rows = await deps.assistants.list(who.caller.workspaceId, { shared }, page)
      if (!rows)
        throw invalid('after, before: there is no such assistant', page.after === undefined ? 'before' : 'after')
      return presentPage(rows.map(presentAssistant), page.limit)
    },
  }),
  route({
    ...common,
    // A run begins with one as part of its work.
    scopeVia: { 'response-api': ['responses'] },
    operation: 'get_assistant',
    method: 'get',
    path: '/v1/assistants/{id}',
    summary: 'Get one assistant',
    params: AssistantParams,
    answers: { 200: AssistantAnswer },
    handler: async ({ params, who }) => presentAssistant(await requireAssistant(deps, who, params.id)),
  }),
  updating(deps, 'patch', 'update_assistant'),
  updating(deps, 'post', 'update_assistant_by_post'),
  route({
    ...common,
    operation: 'delete_assistant',
    method: 'delete',
    path: '/v1/assistants/{id}',
    summary: 'Delete an assistant',
    params: AssistantParams,
    answers: { 200: DeletedAssistant },
    handler: async ({ params: { id }, who, address }) => {
      const { shared, name } = await deleteAssistant(deps, who, id)
      if (shared)
        await noteAct(deps, { who, address }, { act: 'shared_assistant.deleted', target: id, details: { name } })
      return { id, object: 'assistant.deleted' as const, deleted: true as const }
    },
  }),
]

const updating = (deps: Deps, method: 'patch' | 'post', operation: string): Route =>
  route({
    ...common,
    operation,
    method,
    path: '/v1/assistants/{id}',
    summary: 'Change an assistant',
    description: 'What is absent stays, null clears. Shared ones are changed, and shared no more, by admins.',
    params: AssistantParams,
    body: UpdateAssistant,
    bodyLimit: BODY_LIMIT,
    answers: { 200: AssistantAnswer },
    handler: async ({ params, body, who, address }) => {
      const { before, after } = await updateAssistant(deps, who, { ...body, ...params })
      if (before !== after && (before.shared || after.shared)) {
        const fields = Object.keys(body).filter((name) => Object.hasOwn(UpdateAssistant.shape, name))
        const details = { fields, shared: after.shared }
        await noteAct(deps, { who, address }, { act: 'shared_assistant.changed', target: after.id, details })
      }
      return presentAssistant(after)
    },
  })

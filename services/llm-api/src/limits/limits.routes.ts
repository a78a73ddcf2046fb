import { json } from '@jan/service-kit/answer'
import { presentPage } from '@jan/service-kit/page'
import { type Route, route } from '@jan/service-kit/route'
import { z } from 'zod'
import { noteAct } from '../audit/note-act.ts'
import type { Deps } from '../deps.ts'
import { createLimit, deleteLimit, noSuchLimit, updateLimit } from './change-limit.ts'
import { CreateLimit, DeletedLimit, LimitAnswer, LimitPage, LimitQuery, UpdateLimit } from './limit.schema.ts'
import type { CallLimit } from './limit.store.ts'

const LimitParams = z.object({ id: z.string() })
const ADMIN = { auth: 'person', role: 'admin', scope: 'admin' } as const

export const limitRoutes = (deps: Deps): Route[] => [
  route({
    ...ADMIN,
    operation: 'create_limit',
    method: 'post',
    path: '/v1/admin/limits',
    summary: 'Limit a person, an API key or a model',
    description: 'In place of what this server is configured to allow each of them.',
    body: CreateLimit,
    answers: { 201: LimitAnswer },
    idempotent: true,
    handler: async ({ body, who, address }) => {
      const limit = await createLimit(deps, who, body)
      await noteAct(deps, { who, address }, { act: 'limit.created', target: limit.id, details: detailsOf(limit) })
      return json(presentLimit(limit), { status: 201 })
    },
  }),
  route({
    ...ADMIN,
    operation: 'list_limits',
    method: 'get',
    path: '/v1/admin/limits',
    summary: 'All limits that are not as configured',
    query: LimitQuery,
    answers: { 200: LimitPage },
    handler: async ({ query: { limit, after, subject_kind: kind, subject_id: subjectId } }) => {
      const limits = await deps.limits.store.list({ kind, subjectId }, { limit, after })
      return presentPage(limits.map(presentLimit), limit)
    },
  }),
  route({
    ...ADMIN,
    operation: 'get_limit',
    method: 'get',
    path: '/v1/admin/limits/{id}',
    summary: 'A limit',
    params: LimitParams,
    answers: { 200: LimitAnswer },
    handler: async ({ params: { id } }) => {
      const limit = await deps.limits.store.find(id)
      if (!limit) throw noSuchLimit(id)
      return presentLimit(limit)
    },
  }),
  route({
    ...ADMIN,
    operation: 'update_limit',
    method: 'patch',
    path: '/v1/admin/limits/{id}',
    summary: 'Change a limit',
    description: 'What is left out stays as it is.',
    params: LimitParams,
    body: UpdateLimit,
    answers: { 200: LimitAnswer },
    handler: async ({ params, body, who, address }) => {
      const limit = await updateLimit(deps, params.id, body)
      await noteAct(deps, { who, address }, { act: 'limit.changed', target: limit.id, details: detailsOf(limit) })
      return presentLimit(limit)
    },
  }),
  route({
    ...ADMIN,
    operation: 'delete_limit',
    method: 'delete',
    path: '/v1/admin/limits/{id}',
    summary: 'End a limit',
    description: 'From then on the configured ones hold.',
    params: LimitParams,
    answers: { 200: DeletedLimit },
    handler: async ({ params: { id }, who, address }) => {
      await deleteLimit(deps, id)
      await noteAct(deps, { who, address }, { act: 'limit.deleted', target: id })
      return { id, object: 'limit.deleted' as const, deleted: true as const }
    },
  }),
]

const detailsOf = ({ subject, requestsPerMinute, tokensPerMinute, concurrentRequests }: CallLimit) => ({
  subject_kind: subject.kind,
  subject_id: subject.id,
  requests_per_minute: requestsPerMinute,
  tokens_per_minute: tokensPerMinute,
  concurrent_requests: concurrentRequests,
})

const presentLimit = (limit: CallLimit) => ({
  id: limit.id,
  object: 'limit' as const,
  subject_kind: limit.subject.kind,
  subject_id: limit.subject.id,
  requests_per_minute: limit.requestsPerMinute,
  tokens_per_minute: limit.tokensPerMinute,
  concurrent_requests: limit.concurrentRequests,
  created_at: limit.createdAt.toISOString(),
  updated_at: limit.updatedAt.toISOString(),
})

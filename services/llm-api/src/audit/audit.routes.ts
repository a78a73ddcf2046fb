import { invalid } from '@jan/service-kit/errors'
import { presentPage } from '@jan/service-kit/page'
import { type Route, route } from '@jan/service-kit/route'
import type { Deps } from '../deps.ts'
import { AuditPage, AuditQuery } from './audit.schema.ts'
import { presentEvent } from './present-event.ts'

export const auditRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'list_audit_events',
    method: 'get',
    path: '/v1/admin/audit',
    summary: 'Who did what, and from where',
    description: 'Acts of security and administration, newest first. The log can be added to, and not changed.',
    auth: 'person',
    role: 'admin',
    scope: 'admin',
    query: AuditQuery,
    answers: { 200: AuditPage },
    handler: async ({ query: { limit, order, after, before, ...filter } }) => {
      const events = await deps.audit.list(filter, { limit, order, after, before })
      if (!events) throw invalid('after, before: there is no such event', after === undefined ? 'before' : 'after')
      return presentPage(events.map(presentEvent), limit)
    },
  }),
]

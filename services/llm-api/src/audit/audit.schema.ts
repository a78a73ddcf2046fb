import { PageQuery, pageOf } from '@jan/service-kit/page'
import { z } from 'zod'

export const AuditQuery = PageQuery.extend({
  act: z.string().optional().describe('For instance api_key.created'),
  actor: z.string().optional().describe('Subject of who did it'),
  target: z.string().optional().describe('Id of what it was done to'),
  since: z.coerce.date('expected a time, such as 2026-01-31T12:00:00Z').optional().describe('From this time on'),
  until: z.coerce.date('expected a time, such as 2026-01-31T12:00:00Z').optional().describe('Before this time'),
})
export type AuditQuery = z.output<typeof AuditQuery>

export const AuditEvent = z
  .looseObject({
    id: z.string(),
    object: z.literal('audit_event'),
    at: z.iso.datetime(),
    act: z.string(),
    actor: z.string().nullable().describe('Subject; null when nobody was known'),
    actor_kind: z.enum(['user', 'guest', 'key']).nullable(),
    key_id: z.string().nullable(),
    target: z.string().nullable(),
    address: z.string().nullable(),
    request_id: z.string(),
    details: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'AuditEvent' })

export const AuditPage = pageOf(AuditEvent).meta({ id: 'AuditPage' })

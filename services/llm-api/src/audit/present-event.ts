import type { AuditEvent } from './audit.store.ts'

export const presentEvent = ({ at, actorKind, keyId, requestId, ...event }: AuditEvent) => ({
  ...event,
  object: 'audit_event' as const,
  at: at.toISOString(),
  actor_kind: actorKind as 'user' | 'guest' | 'key' | null,
  key_id: keyId,
  request_id: requestId,
})

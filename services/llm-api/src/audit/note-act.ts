import type { Caller } from '@jan/service-kit/auth'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'

/** Acts of security and administration, by the names under which they are looked up. */
export type Act =
  | 'guest.created'
  | 'guest.upgraded'
  | 'guest.erased'
  | 'login.finished'
  | 'session.ended'
  | 'api_key.created'
  | 'api_key.rotated'
  | 'api_key.revoked'
  | 'shared_assistant.created'
  | 'shared_assistant.changed'
  | 'shared_assistant.deleted'
  | 'budget.created'
  | 'budget.changed'
  | 'budget.deleted'
  | 'limit.created'
  | 'limit.changed'
  | 'limit.deleted'
  | 'settings.changed'
  | 'person.exported'
  | 'person.erased'
  | 'provider.created'
  | 'provider.changed'
  | 'provider.deleted'
  | 'provider_model.changed'
  | 'provider_models.toggled'
  | 'catalog.changed'
  | 'catalogs.toggled'

export type Noted = {
  act: Act
  /** Who did it, when the request did not say. */
  actor?: string
  /** Id of what it was done to. */
  target?: string
  /** No secrets. */
  details?: Record<string, unknown>
}

/** Of the request by which it was done, or of a job, which nobody asked for. */
type From = { who: Pick<Who<Caller | undefined>, 'caller' | 'requestId' | 'log'>; address: () => string }

/**
 * Adds to the audit log what has been done. It is done already, so a log that cannot be written does not undo it: then
 * the whole of it stands in the service's own log, as an error.
 */
export async function noteAct(
  deps: Pick<Deps, 'audit' | 'now' | 'newId'>,
  { who, address }: From,
  { act, actor, target, details = {} }: Noted,
): Promise<void> {
  const person = who.caller?.kind === 'service' ? undefined : who.caller
  const event = {
    id: deps.newId('audit'),
    at: deps.now(),
    act,
    actor: actor ?? person?.subject ?? null,
    actorKind: person?.kind ?? null,
    keyId: person?.keyId ?? null,
    target: target ?? null,
    address: address() || null,
    requestId: who.requestId,
    details,
  }
  await deps.audit.append(event).catch((error: unknown) => {
    who.log.error({ err: error, audit: event }, 'an act could not be noted')
  })
}

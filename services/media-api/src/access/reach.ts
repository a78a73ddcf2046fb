import type { Caller } from '@jan/service-kit/auth'
import { invalid } from '@jan/service-kit/errors'

/** Whose objects a call may read. */
export type Reach = { workspaceId: string } | 'every workspace'

/** Whose object a call makes. */
export type Owner = { workspaceId: string; createdBy: string }

/**
 * A person reaches their own workspace, whatever `userId` the body names. A service (the operator's key, or a peer
 * acting for itself) reaches that user's workspace when it names one, else all of them.
 */
export function reachOf(caller: Caller, userId?: string): Reach {
  if (caller.kind !== 'service') return { workspaceId: caller.workspaceId }
  return userId === undefined ? 'every workspace' : { workspaceId: userId }
}

/** Whether an object of this workspace is in reach. */
export const mayReach = (reach: Reach, workspaceId: string): boolean =>
  reach === 'every workspace' || reach.workspaceId === workspaceId

/** @throws AppError `invalid_request` when a service does not say for whom it acts */
export function ownerFor(caller: Caller, userId: string | undefined): Owner {
  if (caller.kind !== 'service') return { workspaceId: caller.workspaceId, createdBy: caller.subject }
  if (userId === undefined) throw invalid('user_id is needed: a service stores media for somebody', 'user_id')
  return { workspaceId: userId, createdBy: userId }
}

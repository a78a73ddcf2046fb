import { AppError, notFound } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { Assistant } from './assistant.store.ts'

const ASSISTANT_ID = /^asst_[0-9a-z]{1,64}$/

export const noSuchAssistant = (id: string) => notFound('Assistant', id)

/** One of the caller's own, or one that is shared. @throws AppError `not_found` for any other */
export async function requireAssistant(deps: Pick<Deps, 'assistants'>, who: Who, id: string): Promise<Assistant> {
  const assistant = ASSISTANT_ID.test(id) ? await deps.assistants.find(who.caller.workspaceId, id) : undefined
  if (!assistant) throw noSuchAssistant(id)
  return assistant
}

/** @throws AppError `not_found`; `forbidden` for a shared one, unless the caller is an admin */
export async function requireOwnAssistant(deps: Pick<Deps, 'assistants'>, who: Who, id: string): Promise<Assistant> {
  const assistant = await requireAssistant(deps, who, id)
  if (assistant.shared) requireSharer(who)
  return assistant
}

/** An admin's key is one only with that scope. @throws AppError `forbidden` */
export function requireSharer({ caller: { roles, scopes } }: Who): void {
  if (!roles.includes('admin') || !(scopes?.includes('admin') ?? true))
    throw new AppError('forbidden', 'Only admins share assistants, and change shared ones', { param: 'shared' })
}

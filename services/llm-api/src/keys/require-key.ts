import type { Person } from '@jan/service-kit/auth'
import { AppError, notFound } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import type { ApiKey, KeyOwner } from './key.store.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Whose keys a person may see and change. @throws AppError `forbidden` for a key: who finds one must not get at the others */
export function ownerOf({ kind, workspaceId, subject }: Person): KeyOwner {
  if (kind === 'key') throw new AppError('forbidden', 'API keys are managed by their person, signed in')
  return { workspaceId, createdBy: subject }
}

export const noSuchKey = (id: string) => notFound('API key', id)

/** @throws AppError `not_found` for another person's, and for what is no id at all */
export async function requireKey(deps: Pick<Deps, 'keys'>, who: Who, id: string): Promise<ApiKey> {
  const owner = ownerOf(who.caller)
  const key = UUID.test(id) ? await deps.keys.store.find(owner, id) : undefined
  if (!key) throw noSuchKey(id)
  return key
}

import type { KeyHolder } from '@jan/service-kit/api-keys'
import type { Deps } from '../deps.ts'
import type { ApiKey, PersonState } from './key.store.ts'

/** For whom a key stands, and what it may do today. @returns undefined for a key that is not good, or whose person may not sign in */
export async function introspectKey(deps: Pick<Deps, 'keys' | 'now'>, hash: string): Promise<KeyHolder | undefined> {
  const { store, uses } = deps.keys
  const key = await store.findByHash(hash)
  const at = deps.now()
  if (!key || key.revokedAt || key.expiresAt <= at) return undefined
  const person = await personOf(deps, key)
  if (!person.enabled) return undefined
  uses.note(key.id, at)
  return { expiresAt: key.expiresAt, person: callerOf(key, person) }
}

/** As the identity provider says; when it cannot be asked, what it said last. */
async function personOf({ keys }: Pick<Deps, 'keys'>, key: ApiKey): Promise<PersonState> {
  const last = { enabled: key.personEnabled, roles: key.personRoles }
  const current = await keys.persons.of(key.createdBy)
  if (!current) return last
  const isNews = current.enabled !== last.enabled || current.roles.join() !== last.roles.join()
  if (isNews) await keys.store.notePerson(key.createdBy, current)
  return current
}

const callerOf = (key: ApiKey, { roles }: PersonState): KeyHolder['person'] => ({
  kind: 'key',
  subject: key.createdBy,
  workspaceId: key.workspaceId,
  roles,
  // Who is no admin any more has no keys of one.
  scopes: key.scopes.filter((scope) => scope !== 'admin' || roles.includes('admin')),
  keyId: key.id,
  ...(key.username === null ? {} : { username: key.username }),
})

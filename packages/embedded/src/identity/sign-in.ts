import type { BaseDeps } from './deps.ts'
import { oauthError } from './http-error.ts'
import { verifyPassword } from './passwords.ts'
import type { Realm } from './realm-file.ts'
import type { User } from './users.store.ts'

const refused = (description: string) => oauthError(400, 'invalid_grant', description)

/**
 * Finds who a name or e-mail and a password belong to. An unknown name takes as long as a wrong password.
 * @throws HttpError 400 invalid_grant; a locked account is answered like a wrong password
 */
export async function signIn(deps: BaseDeps, login: string, password: string): Promise<User> {
  const { users, realm, nobodysHash } = deps
  const user = await users.findByLogin(login)
  const matches = await verifyPassword(password, user?.passwordHash ?? nobodysHash)
  const locked = (user?.failures?.lockedUntil ?? 0) > Date.now()
  if (!user?.passwordHash || !matches || locked) {
    if (user?.passwordHash && !locked) await users.change(user.id, (current) => countFailure(realm, current))
    throw refused('Invalid user credentials')
  }
  if (user.failures) await users.change(user.id, (current) => ({ ...current, failures: undefined }))
  if (!user.enabled) throw refused('Account disabled')
  if (user.requiredActions.length > 0) throw refused('Account is not fully set up')
  return user
}

const QUICK_WAIT = 60_000

/** Keycloak's rule: each `failureFactor` failures lock for longer; two in a blink lock, too. */
function countFailure(realm: Realm, user: User): User {
  const now = Date.now()
  const before = user.failures ?? { count: 0, last: 0 }
  const count = before.count + 1
  const wait = realm.waitIncrementSeconds * Math.floor(count / realm.failureFactor) * 1000
  const quick = now - before.last < realm.quickLoginCheckMilliSeconds ? QUICK_WAIT : 0
  const lockedUntil = now + Math.min(wait || quick, realm.maxFailureWaitSeconds * 1000)
  return { ...user, failures: { count, last: now, lockedUntil } }
}

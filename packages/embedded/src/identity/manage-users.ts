import type { Deps } from './deps.ts'
import { HttpError, unknownError } from './http-error.ts'
import { hashPassword, requireGoodPassword } from './passwords.ts'
import { DEFAULT_ROLE, type Group } from './realm-file.ts'
import { epochSeconds } from './tokens.ts'
import { type ProfileFields, requireValidProfile } from './user-profile.ts'
import type { Credential, UserRepresentation } from './user-representation.ts'
import type { User } from './users.store.ts'

/** @returns the new user's id */
export async function createUser(deps: Deps, input: UserRepresentation): Promise<string> {
  const profile = replacedProfile(input)
  requireValidProfile(deps.realm.profile, profile)
  const groups = (input.groups ?? []).map((name) =>
    deps.realm.groups.find(({ path }) => path === name || path === `/${name}`),
  )
  if (!groups.every((group): group is Group => group !== undefined)) throw unknownError()
  const given = passwordOf(input)
  if (given && typeof given.value !== 'string') throw unknownError()
  return deps.users.create({
    ...profile,
    enabled: input.enabled ?? false,
    emailVerified: input.emailVerified ?? false,
    requiredActions: [...(input.requiredActions ?? []), ...(given?.temporary ? ['UPDATE_PASSWORD'] : [])],
    roles: [DEFAULT_ROLE],
    groups: groups.map(({ path }) => path),
    passwordHash: given?.value ? await hashNewPassword(deps, given.value, profile) : null,
  })
}

/**
 * Keycloak's two ways of PUT: without `attributes` only the given fields change; with them the whole profile is
 * replaced, and an e-mail or name that is not given is erased. Groups and roles never change here.
 */
export async function updateUser(deps: Deps, user: User, input: UserRepresentation): Promise<void> {
  const profile = input.attributes ? replacedProfile(input) : mergedProfile(user, input)
  requireValidProfile(deps.realm.profile, profile)
  const given = passwordOf(input)
  const hash = given ? await hashNewPassword(deps, requireValue(given), profile) : undefined
  await deps.users.update(user.id, {
    ...profile,
    enabled: input.enabled ?? user.enabled,
    emailVerified: input.emailVerified ?? user.emailVerified,
    requiredActions: input.requiredActions ?? user.requiredActions,
  })
  if (hash) await deps.users.setPassword(user.id, hash, given?.temporary ?? false)
}

/** Sessions live on, as at Keycloak: whoever wants them ended calls logout too. */
export async function resetPassword(deps: Deps, user: User, given: Credential): Promise<void> {
  const hash = await hashNewPassword(deps, requireValue(given), user)
  await deps.users.setPassword(user.id, hash, given.temporary ?? false)
}

/** Ends every session of the user and voids what was issued before now. */
export async function logoutUser({ users, sessions }: Deps, user: User): Promise<void> {
  await users.setNotBefore(user.id, epochSeconds())
  await sessions.endAllOf(user.id)
}

function replacedProfile(input: UserRepresentation): ProfileFields {
  if (!input.username) throw new HttpError(400, { errorMessage: 'User name is missing' })
  return {
    username: input.username.toLowerCase(),
    email: input.email?.toLowerCase() || null,
    firstName: input.firstName || null,
    lastName: input.lastName || null,
    attributes: withoutEmpty(input.attributes ?? {}),
  }
}

function mergedProfile(user: User, input: UserRepresentation): ProfileFields {
  return {
    username: (input.username || user.username).toLowerCase(),
    email: (input.email ?? user.email)?.toLowerCase() || null,
    firstName: (input.firstName ?? user.firstName) || null,
    lastName: (input.lastName ?? user.lastName) || null,
    attributes: user.attributes,
  }
}

function withoutEmpty(attributes: Record<string, string[]>): Record<string, string[]> {
  const filled = Object.entries(attributes).map(([name, held]) => [name, held.filter((value) => value !== '')] as const)
  return Object.fromEntries(filled.filter(([, held]) => held.length > 0))
}

const passwordOf = (input: UserRepresentation): Credential | undefined =>
  input.credentials?.find(({ type }) => type === 'password')

function requireValue({ value }: Credential): string {
  if (value === undefined || value === null) throw new HttpError(400, { error: 'No password provided' })
  if (value === '') throw new HttpError(400, { error: 'Empty password not allowed' })
  return value
}

async function hashNewPassword(
  { realm, hashCost }: Deps,
  password: string,
  user: { username: string; email: string | null },
) {
  requireGoodPassword(realm.passwordPolicy, password, user)
  return hashPassword(password, hashCost)
}

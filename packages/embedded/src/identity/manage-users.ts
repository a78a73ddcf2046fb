import { z } from 'zod'
import type { Deps } from './deps.ts'
import { HttpError, oauthError, unknownError } from './http-error.ts'
import { hashPassword, requireGoodPassword } from './passwords.ts'
import { requireValidProfile } from './user-profile.ts'
import { newUser, type User } from './users.store.ts'

const text = z.string().nullish()
const flag = z.boolean().nullish()
const credential = z.object({ type: text, value: text, temporary: flag })
type Credential = z.infer<typeof credential>
const names =
  'id createdTimestamp notBefore serviceAccountClientId totp access disableableCredentialTypes realmRoles clientRoles'

/** Keycloak's UserRepresentation: what cannot be set is accepted and ignored, an unknown field is refused. */
const userRepresentation = z.strictObject({
  ...Object.fromEntries(names.split(' ').map((name) => [name, z.unknown().optional()])),
  username: text,
  email: text,
  firstName: text,
  lastName: text,
  enabled: flag,
  emailVerified: flag,
  attributes: z.record(z.string(), z.array(z.string())).nullish(),
  requiredActions: z.array(z.string()).nullish(),
  credentials: z.array(credential).nullish(),
  groups: z.array(z.string()).nullish(),
})
type UserRepresentation = z.infer<typeof userRepresentation>

/** @throws HttpError 400 in Keycloak's words for a body of the wrong shape */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  if (issue?.code !== 'unrecognized_keys') throw oauthError(400, 'unknown_error', 'Cannot parse the JSON')
  const what = `Unrecognized field "${issue.keys[0]}"`
  throw new HttpError(400, { error: `Invalid json representation for UserRepresentation. ${what}.` })
}

const OWN_AFFAIRS = ['roles', 'groups', 'clientRoles', 'passwordHash', 'failures']

/** What the admin API shows of a user. */
export const presentUser = (user: User) =>
  Object.fromEntries(Object.entries(user).filter(([name]) => !OWN_AFFAIRS.includes(name)))

/** @param body a UserRepresentation @returns the new user's id */
export async function createUser(deps: Deps, body: unknown): Promise<string> {
  const input = parseBody(userRepresentation, body)
  const user = changedBy(input, newUser({ username: '', enabled: false }))
  requireValidProfile(deps.realm.profile, user)
  const known = deps.realm.groups.map(({ path }) => path)
  const groups = input.groups ?? []
  if (!groups.every((path) => known.includes(path))) throw unknownError()
  const given = input.credentials?.find(({ type }) => type === 'password')
  await deps.users.create({ ...(given ? (await passwordChange(deps, user, given))(user) : user), groups })
  return user.id
}

/**
 * Keycloak's two ways of PUT: without `attributes` only the given fields change; with them the whole profile is
 * replaced, and an e-mail or name that is not given is erased. Groups and roles never change here.
 * @param body a UserRepresentation
 */
export async function updateUser(deps: Deps, user: User, body: unknown): Promise<void> {
  const input = parseBody(userRepresentation, body)
  requireValidProfile(deps.realm.profile, changedBy(input, user))
  await deps.users.change(user.id, (current) => changedBy(input, current))
  // Logins live on, refused until the user is enabled again; the browser is signed out.
  if (input.enabled === false) await deps.sessions.endAllOf(user.id, ['Session'])
}

function changedBy(input: UserRepresentation, user: User): User {
  const before: Partial<User> = input.attributes ? {} : user
  const username = input.username || before.username
  if (!username) throw new HttpError(400, { errorMessage: 'User name is missing' })
  // An empty text clears a field.
  const text = (name: 'email' | 'firstName' | 'lastName') => (input[name] ?? before[name]) || undefined
  return {
    ...user,
    username: username.toLowerCase(),
    email: text('email')?.toLowerCase(),
    firstName: text('firstName'),
    lastName: text('lastName'),
    attributes: input.attributes ?? user.attributes,
    enabled: input.enabled ?? user.enabled,
    emailVerified: input.emailVerified ?? user.emailVerified,
    requiredActions: input.requiredActions ?? user.requiredActions,
  }
}

/** Sessions live on, as at Keycloak: whoever wants them ended calls logout too. @param body a credential */
export async function resetPassword(deps: Deps, user: User, body: unknown): Promise<void> {
  await deps.users.change(user.id, await passwordChange(deps, user, parseBody(credential, body)))
}

/**
 * Checks and hashes a new password.
 * @returns how it changes the user: a temporary one has to be changed at the next login, so nobody gets a token with it
 */
async function passwordChange({ realm, hashCost }: Deps, user: User, { value, temporary }: Credential) {
  if (value === undefined || value === null) throw new HttpError(400, { error: 'No password provided' })
  if (value === '') throw new HttpError(400, { error: 'Empty password not allowed' })
  requireGoodPassword(realm.passwordPolicy, value, user)
  const passwordHash = await hashPassword(value, hashCost)
  return (current: User): User => {
    const actions = current.requiredActions.filter((action) => action !== 'UPDATE_PASSWORD')
    return { ...current, passwordHash, requiredActions: temporary ? [...actions, 'UPDATE_PASSWORD'] : actions }
  }
}

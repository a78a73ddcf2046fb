import { z } from 'zod'
import type { Deps } from './deps.ts'
import { HttpError, oauthError, unknownError } from './http-error.ts'
import { hashPassword, requireGoodPassword } from './passwords.ts'
import { DEFAULT_ROLE } from './realm-file.ts'
import { type ProfileFields, requireValidProfile } from './user-profile.ts'
import { newUser, type User } from './users.store.ts'

const text = z.string().nullish()
const flag = z.boolean().nullish()
const values = z.union([z.array(z.string()), z.string().transform((value) => [value])])
export const credential = z.object({ type: text, value: text, temporary: flag })
type Credential = z.infer<typeof credential>
const names =
  'id self origin createdTimestamp totp federationLink serviceAccountClientId federatedIdentities realmRoles clientRoles clientConsents notBefore access disableableCredentialTypes userProfileMetadata socialLinks applicationRoles'
const ignored = Object.fromEntries(names.split(' ').map((name) => [name, z.unknown().optional()]))

/** Keycloak's UserRepresentation: what is not kept here is accepted and ignored, an unknown field is refused. */
const fields = { username: text, email: text, firstName: text, lastName: text, enabled: flag, emailVerified: flag }
export const userRepresentation = z.strictObject({
  ...ignored,
  ...fields,
  attributes: z.record(z.string(), values).nullish(),
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

/** @param brief without attributes and the rarer fields */
export function presentUser(user: User, brief = false) {
  const { roles: _, groups: __, clientRoles: ___, passwordHash, failures, attributes, ...shown } = user
  const { requiredActions, notBefore, serviceAccountClientId, ...few } = shown
  if (brief) return { ...few, access: { manage: true } }
  const given = Object.keys(attributes).length > 0 ? { attributes } : {}
  return { ...shown, ...given, totp: false, disableableCredentialTypes: [], access: { manage: true } }
}

/** @returns the new user's id */
export async function createUser(deps: Deps, input: UserRepresentation): Promise<string> {
  const profile = replacedProfile(input)
  requireValidProfile(deps.realm.profile, profile)
  const groups = (input.groups ?? []).map(
    (name) => deps.realm.groups.find(({ path }) => path === name || path === `/${name}`)?.path,
  )
  const given = passwordOf(input)
  if (groups.includes(undefined) || (given && typeof given.value !== 'string')) throw unknownError()
  const user = newUser({
    ...profile,
    enabled: input.enabled ?? false,
    emailVerified: input.emailVerified ?? false,
    requiredActions: [...(input.requiredActions ?? []), ...(given?.temporary ? ['UPDATE_PASSWORD'] : [])],
    roles: [DEFAULT_ROLE],
    groups: groups as string[],
    passwordHash: given?.value ? await hashNewPassword(deps, given, profile) : undefined,
  })
  await deps.users.create(user)
  return user.id
}

/**
 * Keycloak's two ways of PUT: without `attributes` only the given fields change; with them the whole profile is
 * replaced, and an e-mail or name that is not given is erased. Groups and roles never change here.
 */
export async function updateUser(deps: Deps, user: User, input: UserRepresentation): Promise<void> {
  const profileOf = (current: User) => (input.attributes ? replacedProfile(input) : mergedProfile(current, input))
  requireValidProfile(deps.realm.profile, profileOf(user))
  const given = passwordOf(input)
  const hash = given && (await hashNewPassword(deps, given, profileOf(user)))
  const changed = await deps.users.change(user.id, (current) => {
    const { email: _, firstName: __, lastName: ___, ...rest } = current
    const next = {
      ...rest,
      ...profileOf(current),
      enabled: input.enabled ?? current.enabled,
      emailVerified: input.emailVerified ?? current.emailVerified,
      requiredActions: input.requiredActions ?? current.requiredActions,
    }
    return hash ? withPassword(next, hash, given?.temporary) : next
  })
  // Logins live on, refused until the user is enabled again; the browser is signed out.
  if (changed && !changed.enabled) await deps.sessions.endAllOf(user.id, ['Session'])
}

/** Sessions live on, as at Keycloak: whoever wants them ended calls logout too. */
export async function resetPassword(deps: Deps, user: User, given: Credential): Promise<void> {
  const hash = await hashNewPassword(deps, given, user)
  await deps.users.change(user.id, (current) => withPassword(current, hash, given.temporary))
}

/** A temporary password has to be changed at the next login, so nobody can get a token with it. */
function withPassword(user: User, passwordHash: string, temporary?: boolean | null): User {
  const actions = user.requiredActions.filter((action) => action !== 'UPDATE_PASSWORD')
  return { ...user, passwordHash, requiredActions: temporary ? [...actions, 'UPDATE_PASSWORD'] : actions }
}

function replacedProfile(input: UserRepresentation): ProfileFields {
  if (!input.username) throw new HttpError(400, { errorMessage: 'User name is missing' })
  const filled = Object.entries(input.attributes ?? {}).map(
    ([name, held]) => [name, held.filter((value) => value !== '')] as const,
  )
  const attributes = Object.fromEntries(filled.filter(([, held]) => held.length > 0))
  return profileFrom({ ...input, username: input.username, attributes })
}

const mergedProfile = (user: User, input: UserRepresentation): ProfileFields =>
  profileFrom({
    username: input.username || user.username,
    email: input.email ?? user.email,
    firstName: input.firstName ?? user.firstName,
    lastName: input.lastName ?? user.lastName,
    attributes: user.attributes,
  })

type Given = Pick<UserRepresentation, 'email' | 'firstName' | 'lastName'> & Pick<User, 'username' | 'attributes'>
const profileFrom = ({ username, email, firstName, lastName, attributes }: Given): ProfileFields => ({
  username: username.toLowerCase(),
  ...(email ? { email: email.toLowerCase() } : {}),
  ...(firstName ? { firstName } : {}),
  ...(lastName ? { lastName } : {}),
  attributes,
})

const passwordOf = (input: UserRepresentation) => input.credentials?.find(({ type }) => type === 'password')

async function hashNewPassword(deps: Deps, { value }: Credential, user: ProfileFields): Promise<string> {
  if (value === undefined || value === null) throw new HttpError(400, { error: 'No password provided' })
  if (value === '') throw new HttpError(400, { error: 'Empty password not allowed' })
  requireGoodPassword(deps.realm.passwordPolicy, value, user)
  return hashPassword(value, deps.hashCost)
}

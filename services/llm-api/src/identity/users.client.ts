import type { Secret } from '@jan/service-kit/config'
import { AppError } from '@jan/service-kit/errors'
import { tryParseJson } from '@jan/service-kit/json-body'
import { z } from 'zod'
import { cachedToken } from './cached-token.ts'
import { type ProviderAnswer, type ProviderHttp, parsed, refused, requireStatus } from './provider-http.ts'

export type Guest = { username: string; password: string }

/** A user as the provider keeps it. What we do not know of it is put back as it came. */
export type ProviderUser = z.output<typeof ProviderUser>
const ProviderUser = z.looseObject({
  id: z.string(),
  username: z.string(),
  enabled: z.boolean(),
  email: z.string().optional(),
  firstName: z.string().optional(),
  lastName: z.string().optional(),
  emailVerified: z.boolean().default(false),
  attributes: z.record(z.string(), z.array(z.string())).default({}),
  /** Epoch milliseconds. */
  createdTimestamp: z.number(),
})

const Role = z.looseObject({ id: z.string(), name: z.string() })
export type Role = z.output<typeof Role>
const Group = z.looseObject({ id: z.string(), path: z.string() })
const Session = z.looseObject({ id: z.string() })
const SessionUse = z.looseObject({ lastAccess: z.number() })

/** The provider's admin API, by the service account of the client `backend`. Ids are subjects. */
export type UsersClient = {
  /** Creates a user of the group of guests. @returns its id */
  createGuest(guest: Guest): Promise<string>
  deleteUser(id: string): Promise<void>
  /** Guests that have not been upgraded, read page by page. */
  guestsMadeBefore(at: Date): AsyncIterable<ProviderUser>
  getUser(id: string): Promise<ProviderUser | undefined>
  /** Puts the whole user. @throws AppError `conflict` when e-mail or name is taken, `invalid_request` for a field it refuses */
  putUser(user: ProviderUser): Promise<void>
  /** @throws AppError `invalid_request` when the realm's policy refuses it */
  setPassword(id: string, password: string): Promise<void>
  /** Realm roles of the user, also those that a group or another role brings. */
  rolesOf(id: string): Promise<Role[]>
  /** @throws AppError `upstream_failed` when the realm has no such role to give */
  giveRole(id: string, name: string): Promise<void>
  takeRole(id: string, name: string): Promise<void>
  joinGroup(id: string, path: string): Promise<void>
  leaveGroup(id: string, path: string): Promise<void>
  /** Ends all sessions of a user, but for one. */
  endSessions(id: string, except?: string): Promise<void>
  endSession(sessionId: string): Promise<void>
  /** When a session of the user that goes on was begun or refreshed last; the beginning of time without one. */
  lastAccessOf(id: string): Promise<Date>
}

export type UsersOptions = {
  realmPath: string
  adminPath: string
  clientId: string
  clientSecret: Secret
  now: () => Date
}

/** The group whose members are guests. */
export const GUESTS = '/guests'

const PAGE = 100

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

export function createUsersClient(http: ProviderHttp, options: UsersOptions): UsersClient {
  const ask = asBackend(http, options)
  const list = async <T extends z.ZodType>(schema: T, path: string) => parsed(z.array(schema), await ask('GET', path))
  const userPath = (id: string) => `/users/${encodeURIComponent(id)}`
  const rolesPath = (id: string) => `${userPath(id)}/role-mappings/realm`
  const end = async (sessionId: string) => {
    requireStatus(await ask('DELETE', `/sessions/${encodeURIComponent(sessionId)}`), 204, 404)
  }

  return {
    createGuest: async ({ username, password }) => {
      const answer = await ask('POST', '/users', {
        username,
        enabled: true,
        attributes: { guest: ['true'] },
        groups: [GUESTS],
        credentials: [{ type: 'password', value: password, temporary: false }],
      })
      const id = String(answer.headers.location ?? '').match(/\/([^/]+)$/)?.[1]
      if (answer.status !== 201 || !id) throw refused(answer)
      return decodeURIComponent(id)
    },
    deleteUser: async (id) => void requireStatus(await ask('DELETE', userPath(id)), 204, 404),
    guestsMadeBefore: async function* (at) {
      const query = `q=guest:true&createdBefore=${at.getTime()}&max=${PAGE}`
      for (let first = 0, isLast = false; !isLast; first += PAGE) {
        const guests = await list(ProviderUser, `/users?${query}&first=${first}`)
        // A provider that does not know `createdBefore` ignores it without a word.
        yield* guests.filter(({ createdTimestamp }) => createdTimestamp < at.getTime())
        isLast = guests.length < PAGE
      }
    },
    getUser: async (id) => {
      const answer = await ask('GET', userPath(id))
      return answer.status === 404 ? undefined : parsed(ProviderUser, answer)
    },
    putUser: async (user) => {
      const answer = await ask('PUT', userPath(user.id), user)
      if (answer.status === 409) throw new AppError('conflict', 'This e-mail address is taken', { param: 'email' })
      if (answer.status === 400) throw refusedField(answer)
      requireStatus(answer, 204)
    },
    setPassword: async (id, password) => {
      const answer = await ask('PUT', `${userPath(id)}/reset-password`, {
        type: 'password',
        value: password,
        temporary: false,
      })
      if (answer.status === 400) throw refusedPassword(answer)
      requireStatus(answer, 204)
    },
    rolesOf: (id) => list(Role, `${rolesPath(id)}/composite`),
    giveRole: async (id, name) => {
      const role = (await list(Role, `${rolesPath(id)}/available`)).find((each) => each.name === name)
      // Not to be given any more: the user has it.
      if (!role) return
      requireStatus(await ask('POST', rolesPath(id), [{ id: role.id, name }]), 204)
    },
    takeRole: async (id, name) => {
      const role = (await list(Role, rolesPath(id))).find((each) => each.name === name)
      if (role) requireStatus(await ask('DELETE', rolesPath(id), [{ id: role.id, name }]), 204)
    },
    joinGroup: async (id, path) => {
      const group = (await list(Group, '/groups')).find((each) => each.path === path)
      if (group) requireStatus(await ask('PUT', `${userPath(id)}/groups/${group.id}`), 204)
    },
    leaveGroup: async (id, path) => {
      const group = (await list(Group, `${userPath(id)}/groups`)).find((each) => each.path === path)
      if (group) requireStatus(await ask('DELETE', `${userPath(id)}/groups/${group.id}`), 204)
    },
    endSessions: async (id, except) => {
      for (const session of await list(Session, `${userPath(id)}/sessions`))
        if (session.id !== except) await end(session.id)
    },
    endSession: end,
    lastAccessOf: async (id) => {
      const answer = await ask('GET', `${userPath(id)}/sessions`)
      const sessions = answer.status === 404 ? [] : parsed(z.array(SessionUse), answer)
      return new Date(Math.max(0, ...sessions.map(({ lastAccess }) => lastAccess)))
    },
  }
}

/** Asks the admin API as the service account, whose token is kept. */
function asBackend(http: ProviderHttp, options: UsersOptions) {
  const backendToken = cachedToken(options.now, async () => {
    const answer = await http.post(`${options.realmPath}/protocol/openid-connect/token`, {
      grant_type: 'client_credentials',
      client_id: options.clientId,
      client_secret: options.clientSecret.reveal(),
    })
    const { access_token: token, expires_in: seconds } = parsed(
      z.object({ access_token: z.string().min(1), expires_in: z.number().positive() }),
      answer,
    )
    return { token, seconds }
  })

  return async (method: Method, path: string, json?: unknown): Promise<ProviderAnswer> => {
    const once = async () =>
      http.send({
        method,
        path: `${options.adminPath}${path}`,
        headers: { authorization: `Bearer ${await backendToken.get()}`, 'content-type': 'application/json' },
        body: json === undefined ? null : JSON.stringify(json),
      })
    const answer = await once()
    if (answer.status !== 401) return answer
    // The provider has forgotten our token, e.g. after a restart with new keys: nothing was done, so ask again.
    backendToken.forget()
    return once()
  }
}

/** Keycloak's own words for a field: only which one is told. */
function refusedField(answer: ProviderAnswer): AppError {
  const { field } = (tryParseJson(answer.text) ?? {}) as { field?: unknown }
  const param = FIELDS[String(field)]
  return new AppError('invalid_request', `${param ?? 'The request'} is not accepted by the identity provider`, {
    ...(param ? { param } : {}),
    cause: answer.status,
  })
}
const FIELDS: Record<string, string> = { email: 'email', firstName: 'full_name', lastName: 'full_name' }

function refusedPassword(answer: ProviderAnswer): AppError {
  const { error_description: why } = (tryParseJson(answer.text) ?? {}) as { error_description?: unknown }
  const words = typeof why === 'string' ? why : 'The password is not accepted'
  return new AppError('invalid_request', words, { param: 'password', logMessage: 'a password was refused' })
}

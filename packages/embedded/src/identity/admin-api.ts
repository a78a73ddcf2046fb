import express, { type Request, type RequestHandler, type Response, type Router } from 'express'
import { z } from 'zod'
import type { Deps } from './deps.ts'
import { HttpError, plainError } from './http-error.ts'
import {
  createUser,
  credential,
  logoutUser,
  parseBody,
  presentUser,
  resetPassword,
  updateUser,
  userRepresentation,
} from './manage-users.ts'
import { masterIssuer } from './master-realm.ts'
import { bearerOf, methodNotAllowed, notFound } from './openid-routes.ts'
import type { Group, Role } from './realm-file.ts'
import { checkAccessToken } from './tokens.ts'
import type { User, UserSearch } from './users.store.ts'

/** The part of Keycloak's admin API that the platform uses, below `/admin`. */
export function createAdminApi(deps: Deps): Router {
  const router = express.Router()
  router.use(async (req, res, next) => {
    res.locals.mayManageUsers = await requireManager(deps, req)
    next()
  })
  router.use(`/realms/${deps.realm.name}`, createRealmAdmin(deps))
  router.use('/realms/:realm', () => {
    throw new HttpError(404, { error: 'Realm not found.' })
  })
  router.use(notFound)
  return router
}

/**
 * @returns whether the bearer may manage users: the administrator of realm `master`, or a service account whose
 *   token carries `manage-users`. Any other valid token is known, but may not.
 * @throws HttpError 401 without a valid token
 */
async function requireManager(deps: Deps, req: Request): Promise<boolean> {
  const token = bearerOf(req)
  if (!token) throw plainError(401)
  const admin = await deps.signer.verify(masterIssuer(deps.baseUrl), token)
  if (admin) return true
  const bearer = await checkAccessToken(deps, token)
  if ('refusal' in bearer) throw plainError(401)
  const access = bearer.claims.resource_access as Record<string, { roles: string[] }> | undefined
  return access?.['realm-management']?.roles.includes('manage-users') ?? false
}

const managersOnly: RequestHandler = (_, res, next) => {
  if (!res.locals.mayManageUsers) throw plainError(403)
  next()
}

const requireJson: RequestHandler = (req, _, next) => {
  if (req.is('json') === false)
    throw new HttpError(415, { error: 'The content-type header value did not match the value in @Consumes' })
  next()
}
const json = [managersOnly, requireJson, express.json({ limit: '1mb', strict: false })]

function createRealmAdmin(deps: Deps): Router {
  const { realm, users } = deps
  const userOf = async (req: Request): Promise<User> => {
    const user = await users.find(String(req.params.id))
    if (!user) throw new HttpError(404, { error: 'User not found' })
    return user
  }
  const groupOf = (req: Request): Group => {
    const group = realm.groups.find(({ id }) => id === req.params.groupId)
    if (!group) throw new HttpError(404, { error: 'Group not found' })
    return group
  }
  /** A handler that acts on the user of the path and answers 204. */
  const change =
    (act: (user: User, req: Request) => unknown): RequestHandler =>
    async (req, res) => {
      await act(await userOf(req), req)
      res.status(204).end()
    }
  /** A handler that answers with something of the user of the path. */
  const read =
    (present: (user: User) => unknown): RequestHandler =>
    async (req, res) =>
      void res.json(present(await userOf(req)))

  const router = express.Router()
  router
    .route('/users')
    .get(managersOnly, (req, res) => listUsers(deps, req, res))
    .post(json, async (req: Request, res: Response) => {
      const id = await createUser(deps, parseBody(userRepresentation, req.body))
      res.status(201).set('Location', `${deps.baseUrl}/admin/realms/${realm.name}/users/${id}`).end()
    })
    .all(methodNotAllowed)
  router
    .route('/users/count')
    .get(managersOnly, async (req, res) => void res.json(await users.count(searchOf(req))))
    .all(methodNotAllowed)
  router
    .route('/users/:id')
    .get(
      managersOnly,
      read((user) => presentUser(user)),
    )
    .put(
      json,
      change((user, req) => updateUser(deps, user, parseBody(userRepresentation, req.body))),
    )
    .delete(
      managersOnly,
      change((user) => users.delete(user.id)),
    )
    .all(methodNotAllowed)
  router
    .route('/users/:id/reset-password')
    .put(
      json,
      change((user, req) => resetPassword(deps, user, parseBody(credential, req.body))),
    )
    .all(methodNotAllowed)
  router
    .route('/users/:id/logout')
    .post(
      managersOnly,
      change((user) => logoutUser(deps, user)),
    )
    .all(methodNotAllowed)
  router
    .route('/users/:id/role-mappings/realm')
    .get(
      managersOnly,
      read((user) => realm.roles.filter(({ name }) => user.roles.includes(name))),
    )
    .post(
      json,
      change((user, req) => users.addRoles(user.id, rolesOf(realm.roles, req.body))),
    )
    .delete(
      json,
      change((user, req) => users.removeRoles(user.id, rolesOf(realm.roles, req.body))),
    )
    .all(methodNotAllowed)
  router
    .route('/users/:id/role-mappings/realm/available')
    .get(
      managersOnly,
      read((user) => realm.roles.filter(({ name }) => !user.roles.includes(name))),
    )
    .all(methodNotAllowed)
  router
    .route('/users/:id/groups')
    .get(
      managersOnly,
      read((user) => realm.groups.filter(({ path }) => user.groups.includes(path)).map(presentGroup)),
    )
    .all(methodNotAllowed)
  router
    .route('/users/:id/groups/:groupId')
    .put(
      managersOnly,
      change((user, req) => users.joinGroup(user.id, groupOf(req).path)),
    )
    .delete(
      managersOnly,
      change((user, req) => users.leaveGroup(user.id, groupOf(req).path)),
    )
    .all(methodNotAllowed)
  router
    .route('/groups')
    .get(managersOnly, (req, res) => {
      const wanted = String(req.query.search ?? '').toLowerCase()
      const found = realm.groups.filter(({ name }) => name.toLowerCase().includes(wanted))
      res.json(found.map((group) => ({ ...presentGroup(group), subGroupCount: 0 })))
    })
    .all(methodNotAllowed)
  router.use(notFound)
  return router
}

const presentGroup = ({ id, name, path }: Group) => ({ id, name, path, subGroups: [] })

/** Names of the roles in the body, each of which has to name a role by id and name. */
function rolesOf(roles: Role[], body: unknown): string[] {
  return parseBody(z.array(z.object({ id: z.string().optional(), name: z.string().optional() })), body).map(
    ({ id, name }) => {
      const role = roles.find((candidate) => candidate.id === id && candidate.name === name)
      if (!role) throw new HttpError(404, { error: 'Role not found' })
      return role.name
    },
  )
}

async function listUsers({ users }: Deps, req: Request, res: Response): Promise<void> {
  const found = await users.search(
    searchOf(req),
    Math.max(0, wholeNumber(req, 'first', 0)),
    wholeNumber(req, 'max', 100),
  )
  res.json(found.map((user) => presentUser(user, req.query.briefRepresentation === 'true')))
}

function searchOf(req: Request): UserSearch {
  const one = (name: string) =>
    typeof req.query[name] === 'string' && req.query[name] !== '' ? req.query[name] : undefined
  const flag = (name: string) => (one(name) === undefined ? undefined : one(name) === 'true')
  return {
    username: one('username'),
    email: one('email'),
    firstName: one('firstName'),
    lastName: one('lastName'),
    search: one('search'),
    exact: flag('exact') ?? false,
    enabled: flag('enabled'),
    emailVerified: flag('emailVerified'),
    attributes: [...(one('q') ?? '').matchAll(/([^\s:]+):(?:"([^"]*)"|(\S+))/g)].map(([, name, quoted, bare]) => [
      name ?? '',
      quoted ?? bare ?? '',
    ]),
    createdBefore: moment('createdBefore', one('createdBefore'), 'T23:59:59.999Z'),
    createdAfter: moment('createdAfter', one('createdAfter'), 'T00:00:00Z'),
  }
}

/** Epoch milliseconds of a date (its end or beginning, as `time` says) or of a number, which is that already. */
function moment(name: string, value: string | undefined, time: string): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,15}$/.test(value)) return Number(value)
  const date = /^\d{4}-\d{2}-\d{2}$/.test(value) ? Date.parse(value + time) : Number.NaN
  if (Number.isNaN(date)) {
    throw new HttpError(400, {
      error: `Invalid value for '${name}', expected format is yyyy-MM-dd or an Epoch timestamp`,
    })
  }
  return date
}

function wholeNumber(req: Request, name: string, fallback: number): number {
  const value = req.query[name] ?? String(fallback)
  if (typeof value !== 'string' || !/^-?\d{1,9}$/.test(value)) throw plainError(404)
  return Number(value)
}

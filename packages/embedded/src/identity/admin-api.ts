import express, { type Request, type RequestHandler, type Router } from 'express'
import { z } from 'zod'
import type { Deps } from './deps.ts'
import { addRoute, HttpError, notFound, plainError } from './http-error.ts'
import {
  createUser,
  credential,
  parseBody,
  presentUser,
  resetPassword,
  updateUser,
  userRepresentation,
} from './manage-users.ts'
import { masterIssuer } from './master-realm.ts'
import { bearerOf } from './openid-routes.ts'
import { pageOf, searchUsers } from './user-search.ts'
import type { User } from './users.store.ts'

/** The part of Keycloak's admin API that the platform uses, below `/admin/realms`. */
export function createAdminApi(deps: Deps): Router {
  const router = express.Router()
  router.use(async (req, res, next) => {
    res.locals.mayManageUsers = await mayManageUsers(deps, req)
    next()
  })
  router.use(`/${deps.realm.name}`, createRealmAdmin(deps))
  router.use(() => {
    throw new HttpError(404, { error: 'Realm not found.' })
  })
  return router
}

/**
 * Whether the bearer is the administrator of realm `master`, or a service account whose token carries
 * `manage-users`. The holder of any other valid token is known, but may not.
 * @throws HttpError 401 without a valid token
 */
async function mayManageUsers(deps: Deps, req: Request): Promise<boolean> {
  const token = bearerOf(req)
  if (!token) throw plainError(401)
  if (await deps.signer.verify(masterIssuer(deps.baseUrl), token)) return true
  const claims = await deps.signer.verify(deps.issuer, token)
  if (!claims || !(await deps.users.find(String(claims.sub)))?.enabled) throw plainError(401)
  const access = claims.resource_access as Record<string, { roles: string[] }> | undefined
  return access?.['realm-management']?.roles.includes('manage-users') ?? false
}

const managersOnly: RequestHandler = (_, res, next) => {
  if (!res.locals.mayManageUsers) throw plainError(403)
  next()
}

type Act = (user: User, req: Request) => unknown
type Route = (path: string, handlers: Parameters<typeof addRoute>[2]) => void

function createRealmAdmin(deps: Deps): Router {
  const router = express.Router()
  const route: Route = (path, handlers) =>
    addRoute(router, path, handlers, [managersOnly, express.json({ limit: '1mb', strict: false })])
  const userOf = async ({ params }: Request): Promise<User> => {
    const user = await deps.users.find(String(params.id))
    if (!user) throw new HttpError(404, { error: 'User not found' })
    return user
  }
  /** Answers with something of the path's user. */
  const read =
    (present: Act): RequestHandler =>
    async (req, res) =>
      void res.json(await present(await userOf(req), req))
  /** Does something to the path's user and answers 204. */
  const change =
    (act: Act): RequestHandler =>
    async (req, res) => {
      await act(await userOf(req), req)
      res.status(204).end()
    }
  addUserRoutes(deps, route, read, change)
  addMemberRoutes(deps, route, read, change)
  return router.use(notFound)
}

type Wrap = (act: Act) => RequestHandler

function addUserRoutes(deps: Deps, route: Route, read: Wrap, change: Wrap): void {
  const { users, sessions, baseUrl, realm } = deps
  route('/users', {
    get: async ({ query }, res) => {
      const found = pageOf(searchUsers(await users.all(), query), query)
      res.json(found.map((user) => presentUser(user, query.briefRepresentation === 'true')))
    },
    post: async (req, res) => {
      const id = await createUser(deps, parseBody(userRepresentation, req.body))
      res.status(201).set('Location', `${baseUrl}/admin/realms/${realm.name}/users/${id}`).end()
    },
  })
  route('/users/count', {
    get: async ({ query }, res) => void res.json(searchUsers(await users.all(), query).length),
  })
  route('/users/:id', {
    get: read((user) => presentUser(user)),
    put: change((user, req) => updateUser(deps, user, parseBody(userRepresentation, req.body))),
    delete: change(({ id }) => users.delete(id)),
  })
  route('/users/:id/reset-password', {
    put: change((user, req) => resetPassword(deps, user, parseBody(credential, req.body))),
  })
  route('/users/:id/logout', {
    post: change(async ({ id }) => {
      // Voids what was issued before now.
      await users.change(id, (user) => ({ ...user, notBefore: Math.floor(Date.now() / 1000) }))
      await sessions.endAllOf(id)
    }),
  })
  route('/users/:id/sessions', { get: read(({ id, username }) => sessions.listOf(id, username)) })
  route('/sessions/:sid', {
    delete: async ({ params }, res) => {
      if (!(await sessions.end(String(params.sid))).rowCount) throw new HttpError(404, { error: 'Sesssion not found' })
      res.status(204).end()
    },
  })
  // Whether wrong passwords have locked the user out, and the way to unlock.
  route('/attack-detection/brute-force/users/:id', {
    get: read(({ failures: { count = 0, last = 0, lockedUntil = 0 } = {} as Partial<Failures> }) => ({
      ...{ numFailures: count, lastFailure: last, disabled: lockedUntil > Date.now() },
    })),
    delete: change(({ id }) => users.change(id, ({ failures: _, ...user }) => user)),
  })
}

type Failures = NonNullable<User['failures']>
const roleReferences = z.array(z.object({ id: z.string().optional(), name: z.string().optional() }))

/** Roles and groups of a user. */
function addMemberRoutes({ realm, users }: Deps, route: Route, read: Wrap, change: Wrap): void {
  /** Names of the roles in the body, each of which has to be told by both its id and its name. */
  const roles = ({ body }: Request) =>
    parseBody(roleReferences, body).map(({ id, name }) => {
      const role = realm.roles.find((known) => known.id === id && known.name === name)
      if (!role) throw new HttpError(404, { error: 'Role not found' })
      return role.name
    })
  const groups = ({ params }: Request) => {
    const group = realm.groups.find(({ id }) => id === params.groupId)
    if (!group) throw new HttpError(404, { error: 'Group not found' })
    return [group.path]
  }
  const changeList = (list: 'roles' | 'groups', namesIn: (req: Request) => string[], keep: boolean) =>
    change((user, req) => {
      const names = namesIn(req)
      return users.change(user.id, (current) => {
        const others = current[list].filter((name) => !names.includes(name))
        return { ...current, [list]: keep ? [...others, ...names] : others }
      })
    })
  const mappings = '/users/:id/role-mappings/realm'
  route(mappings, {
    get: read((user) => realm.roles.filter(({ name }) => user.roles.includes(name))),
    post: changeList('roles', roles, true),
    delete: changeList('roles', roles, false),
  })
  route(`${mappings}/available`, { get: read((user) => realm.roles.filter(({ name }) => !user.roles.includes(name))) })
  route('/users/:id/groups', { get: read((user) => realm.groups.filter(({ path }) => user.groups.includes(path))) })
  route('/users/:id/groups/:groupId', {
    put: changeList('groups', groups, true),
    delete: changeList('groups', groups, false),
  })
  route('/groups', { get: (_, res) => void res.json(realm.groups) })
}

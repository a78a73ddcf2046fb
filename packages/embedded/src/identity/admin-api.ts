import express, { type Request, type RequestHandler, type Router } from 'express'
import { z } from 'zod'
import type { Deps } from './deps.ts'
import { addRoute, HttpError, notFound, plainError, refuse } from './http-error.ts'
import { createUser, parseBody, presentUser, resetPassword, updateUser } from './manage-users.ts'
import { masterIssuer } from './master-realm.ts'
import { bearerOf } from './openid-routes.ts'
import { heldRoles } from './tokens.ts'
import { pageOf, searchUsers } from './user-search.ts'
import type { User } from './users.store.ts'

/** The part of Keycloak's admin API that the platform uses, below `/admin/realms`. */
export function createAdminApi(deps: Deps): Router {
  const router = express.Router().use(managersOnly(deps), express.json())
  router.use(`/${deps.realm.realm}`, createRealmAdmin(deps))
  return router.use(refuse(new HttpError(404, { error: 'Realm not found.' })))
}

/**
 * Lets the administrator of realm `master` through, and a service account whose token carries `manage-users`.
 * The holder of any other valid token is known, but may not: 403. Without one it is 401.
 */
const managersOnly =
  (deps: Deps): RequestHandler =>
  async (req, _, next) => {
    const token = bearerOf(req) ?? ''
    if (await deps.signer.verify(masterIssuer(deps.baseUrl), token)) return next()
    const claims = await deps.signer.verify(deps.issuer, token)
    if (!claims || !(await deps.users.find(String(claims.sub)))?.enabled) throw plainError(401)
    const access = claims.resource_access as Record<string, { roles: string[] }> | undefined
    if (!access?.['realm-management']?.roles.includes('manage-users')) throw plainError(403)
    next()
  }

type Act = (user: User, req: Request) => unknown
type Wrap = (act: Act) => RequestHandler

function createRealmAdmin(deps: Deps): Router {
  const router = express.Router()
  const userOf = async ({ params }: Request): Promise<User> => {
    const user = await deps.users.find(String(params.id))
    if (!user) throw new HttpError(404, { error: 'User not found' })
    return user
  }
  /** Answers with something of the path's user. */
  const read: Wrap = (present) => async (req, res) => void res.json(await present(await userOf(req), req))
  /** Does something to the path's user and answers 204. */
  const change: Wrap = (act) => async (req, res) => {
    await act(await userOf(req), req)
    res.status(204).end()
  }
  addUserRoutes(deps, router, read, change)
  addMemberRoutes(deps, router, read, change)
  return router.use(notFound)
}

function addUserRoutes(deps: Deps, router: Router, read: Wrap, change: Wrap): void {
  const { users, sessions, baseUrl, realm } = deps
  const search = async ({ query }: Request) => searchUsers(await users.all(), query)
  addRoute(router, '/users', {
    get: async (req, res) => void res.json(pageOf(await search(req), req.query).map(presentUser)),
    post: async (req, res) => {
      const id = await createUser(deps, req.body)
      res.status(201).set('Location', `${baseUrl}/admin/realms/${realm.realm}/users/${id}`).end()
    },
  })
  addRoute(router, '/users/count', { get: async (req, res) => void res.json((await search(req)).length) })
  addRoute(router, '/users/:id', {
    get: read(presentUser),
    put: change((user, req) => updateUser(deps, user, req.body)),
    delete: change(({ id }) => users.delete(id)),
  })
  addRoute(router, '/users/:id/reset-password', { put: change((user, req) => resetPassword(deps, user, req.body)) })
  addRoute(router, '/users/:id/logout', {
    post: change(async ({ id }) => {
      // Voids what was issued before now.
      await users.change(id, (user) => ({ ...user, notBefore: Math.floor(Date.now() / 1000) }))
      await sessions.endAllOf(id)
    }),
  })
  addRoute(router, '/users/:id/sessions', { get: read(({ id }) => sessions.listOf(id)) })
  addRoute(router, '/sessions/:sid', {
    delete: async ({ params }, res) => {
      const { rowCount } = await sessions.end(String(params.sid))
      res.status(rowCount ? 204 : 404).end()
    },
  })
}

const roleReferences = z.array(z.object({ id: z.string().optional(), name: z.string().optional() }))

/** Roles and groups of a user. */
function addMemberRoutes({ realm, users }: Deps, router: Router, read: Wrap, change: Wrap): void {
  /** Names of the roles in the body, each of which has to be told by both its id and its name. */
  const rolesIn = ({ body }: Request) =>
    parseBody(roleReferences, body).map(({ id, name }) => {
      const role = realm.roles.find((known) => known.id === id && known.name === name)
      if (!role) throw new HttpError(404, { error: 'Role not found' })
      return role.name
    })
  const groupIn = ({ params }: Request) => {
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
  const rolesThat = (are: (name: string, user: User) => boolean) =>
    read((user) => realm.roles.filter(({ name }) => are(name, user)))
  addRoute(router, mappings, {
    get: rolesThat((name, { roles }) => roles.includes(name)),
    post: changeList('roles', rolesIn, true),
    delete: changeList('roles', rolesIn, false),
  })
  addRoute(router, `${mappings}/available`, { get: rolesThat((name, { roles }) => !roles.includes(name)) })
  addRoute(router, `${mappings}/composite`, {
    get: rolesThat((name, user) => heldRoles(realm, user).includes(name)),
  })
  addRoute(router, '/users/:id/groups', {
    get: read((user) => realm.groups.filter(({ path }) => user.groups.includes(path))),
  })
  addRoute(router, '/users/:id/groups/:groupId', {
    put: changeList('groups', groupIn, true),
    delete: changeList('groups', groupIn, false),
  })
  addRoute(router, '/groups', { get: (_, res) => void res.json(realm.groups) })
}

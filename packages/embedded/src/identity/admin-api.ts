import express, { type Request, type RequestHandler, type Router } from 'express'
import { z } from 'zod'
import type { Deps } from './deps.ts'
import { HttpError, plainError } from './http-error.ts'
import { createUser, logoutUser, resetPassword, updateUser } from './manage-users.ts'
import { masterIssuer } from './master-realm.ts'
import { bearerOf } from './openid-routes.ts'
import type { Group, Role } from './realm-file.ts'
import { addRoute, notFound } from './routes.ts'
import { checkAccessToken } from './tokens.ts'
import { credential, parseBody, presentUser, userRepresentation } from './user-representation.ts'
import { readPage, readUserSearch } from './user-search.ts'
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
  const bearer = await checkAccessToken(deps, token)
  if ('refusal' in bearer) throw plainError(401)
  const access = bearer.claims.resource_access as Record<string, { roles: string[] }> | undefined
  return access?.['realm-management']?.roles.includes('manage-users') ?? false
}

const managersOnly: RequestHandler = (_, res, next) => {
  if (!res.locals.mayManageUsers) throw plainError(403)
  next()
}

type Act = (user: User, req: Request) => unknown

function createRealmAdmin(deps: Deps): Router {
  const { realm, users } = deps
  const router = express.Router()
  const route = (path: string, handlers: Parameters<typeof addRoute>[2]) =>
    addRoute(router, path, handlers, [managersOnly, express.json({ limit: '1mb', strict: false })])
  const userOf = async (req: Request): Promise<User> => {
    const user = await users.find(String(req.params.id))
    if (!user) throw new HttpError(404, { error: 'User not found' })
    return user
  }
  /** Answers with something of the path's user. */
  const read =
    (present: Act): RequestHandler =>
    async (req, res) =>
      void res.json(present(await userOf(req), req))
  /** Does something to the path's user and answers 204. */
  const change =
    (act: Act): RequestHandler =>
    async (req, res) => {
      await act(await userOf(req), req)
      res.status(204).end()
    }

  route('/users', {
    get: async (req, res) => {
      const { first, max } = readPage(req.query)
      const found = await users.search(readUserSearch(req.query), first, max)
      res.json(found.map((user) => presentUser(user, req.query.briefRepresentation === 'true')))
    },
    post: async (req, res) => {
      const id = await createUser(deps, parseBody(userRepresentation, req.body))
      res.status(201).set('Location', `${deps.baseUrl}/admin/realms/${realm.name}/users/${id}`).end()
    },
  })
  route('/users/count', { get: async (req, res) => void res.json(await users.count(readUserSearch(req.query))) })
  route('/users/:id', {
    get: read((user) => presentUser(user)),
    put: change((user, req) => updateUser(deps, user, parseBody(userRepresentation, req.body))),
    delete: change((user) => users.delete(user.id)),
  })
  route('/users/:id/reset-password', {
    put: change((user, req) => resetPassword(deps, user, parseBody(credential, req.body))),
  })
  route('/users/:id/logout', { post: change((user) => logoutUser(deps, user)) })
  route('/users/:id/role-mappings/realm', {
    get: read((user) => realm.roles.filter(({ name }) => user.roles.includes(name))),
    post: change((user, req) => users.addRoles(user.id, requireRoles(realm.roles, req.body))),
    delete: change((user, req) => users.removeRoles(user.id, requireRoles(realm.roles, req.body))),
  })
  route('/users/:id/role-mappings/realm/available', {
    get: read((user) => realm.roles.filter(({ name }) => !user.roles.includes(name))),
  })
  route('/users/:id/groups', {
    get: read((user) => realm.groups.filter(({ path }) => user.groups.includes(path)).map(presentGroup)),
  })
  route('/users/:id/groups/:groupId', {
    put: change((user, req) => users.joinGroup(user.id, requireGroup(realm.groups, req).path)),
    delete: change((user, req) => users.leaveGroup(user.id, requireGroup(realm.groups, req).path)),
  })
  route('/groups', {
    get: (req, res) => {
      const wanted = String(req.query.search ?? '').toLowerCase()
      res.json(realm.groups.filter(({ name }) => name.toLowerCase().includes(wanted)).map(presentGroup))
    },
  })
  return router.use(notFound)
}

const presentGroup = ({ id, name, path }: Group) => ({ id, name, path, subGroups: [] })

function requireGroup(groups: Group[], req: Request): Group {
  const group = groups.find(({ id }) => id === req.params.groupId)
  if (!group) throw new HttpError(404, { error: 'Group not found' })
  return group
}

const roleReferences = z.array(z.object({ id: z.string().optional(), name: z.string().optional() }))

/** Names of the roles in the body, each of which has to be told by both its id and its name. */
function requireRoles(roles: Role[], body: unknown): string[] {
  return parseBody(roleReferences, body).map(({ id, name }) => {
    const role = roles.find((candidate) => candidate.id === id && candidate.name === name)
    if (!role) throw new HttpError(404, { error: 'Role not found' })
    return role.name
  })
}

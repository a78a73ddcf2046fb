import type { Person } from '@jan/service-kit/auth'
import { AppError, notFound } from '@jan/service-kit/errors'
import type { Deps } from '../deps.ts'
import { specOfRow } from './server-secrets.ts'
import type { ServerSpec } from './server-spec.ts'

type Needs = Pick<Deps, 'serverStore' | 'serverFile' | 'cipher'>

/** Admins see to everyone's servers, people to their own. A key of an admin needs the scope for it. */
export const isAdmin = ({ kind, roles, scopes }: Person): boolean =>
  kind !== 'guest' && roles.includes('admin') && (scopes === undefined || scopes.includes('admin'))

/** @throws AppError `forbidden` for guests */
export function requireKnownPerson(caller: Person): void {
  if (caller.kind === 'guest')
    throw new AppError('forbidden', 'Guests have no MCP servers of their own; please sign in')
}

/** @throws AppError `not_found` when there is none, or it is somebody else's */
export async function requireServer(deps: Needs, caller: Person, id: string): Promise<ServerSpec> {
  const named = deps.serverFile.servers().find((server) => server.id === id)
  if (named) return named
  const row = await deps.serverStore.get(caller.workspaceId, id)
  if (!row) throw notFound('MCP server', id)
  return specOfRow(deps.cipher, row)
}

export const maySeeTo = (caller: Person, { workspaceId }: Pick<ServerSpec, 'workspaceId'>): boolean =>
  workspaceId === undefined ? isAdmin(caller) : workspaceId === caller.workspaceId

/** @throws AppError `not_found`; `forbidden` when it is everyone's and they are no admin */
export async function requireServerToSeeTo(deps: Needs, caller: Person, id: string): Promise<ServerSpec> {
  requireKnownPerson(caller)
  const spec = await requireServer(deps, caller, id)
  if (!maySeeTo(caller, spec)) throw new AppError('forbidden', 'Only an admin may change a server that is for everyone')
  return spec
}

/** @throws AppError `conflict` for a server of the operator's file, too */
export async function requireOwnServer(deps: Needs, caller: Person, id: string): Promise<ServerSpec> {
  const spec = await requireServerToSeeTo(deps, caller, id)
  if (spec.source === 'file')
    throw new AppError('conflict', `'${spec.name}' is changed where the operator named it, in the file`)
  return spec
}

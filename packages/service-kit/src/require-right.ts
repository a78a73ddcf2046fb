import type { Caller, Person } from './auth.ts'
import { AppError } from './errors.ts'
import type { Route } from './route.ts'

type Needs = Pick<Route, 'auth' | 'scope' | 'scopeVia' | 'role'>

/** @throws AppError `forbidden` when a route is not for this caller */
export function requireRight(route: Needs, caller: Caller): void {
  const { auth, role } = route
  if (caller.kind === 'service') {
    if (auth === 'person' || role !== undefined) throw forbidden('A service may not call this for itself')
    return
  }
  if (auth === 'service') throw forbidden('Only services may call this')
  if (role !== undefined && !caller.roles.includes(role)) throw forbidden(`This needs the role '${role}'`)
  if (!isInScope(route, caller)) throw forbidden(`This API key lacks the scope '${route.scope}'`)
}

function isInScope({ scope, scopeVia = {} }: Pick<Needs, 'scope' | 'scopeVia'>, { scopes, via }: Person): boolean {
  if (scope === undefined || scopes === undefined || scopes.includes(scope)) return true
  return via !== undefined && Object.hasOwn(scopeVia, via) && scopeVia[via]!.some((enough) => scopes.includes(enough))
}

const forbidden = (message: string) => new AppError('forbidden', message)

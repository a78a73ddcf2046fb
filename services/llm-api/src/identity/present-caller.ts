import type { Person } from '@jan/service-kit/auth'

const authMethod = (caller: Person) => (caller.kind === 'key' ? ('apikey' as const) : ('jwt' as const))

/** Tells the client whom we took it for. */
export const callerHeaders = (caller: Person): Record<string, string> => ({
  'x-principal-id': caller.subject,
  'x-auth-method': authMethod(caller),
})

export const presentCaller = (caller: Person) => ({
  id: caller.subject,
  subject: caller.subject,
  ...(caller.username === undefined ? {} : { username: caller.username, name: caller.username }),
  ...(caller.email === undefined ? {} : { email: caller.email }),
  kind: caller.kind,
  roles: caller.roles,
  is_guest: caller.roles.includes('guest'),
  auth_method: authMethod(caller),
})

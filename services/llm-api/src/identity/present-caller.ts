import { isApiKey } from '@jan/service-kit/accept-keys'
import { bearerToken, type Person } from '@jan/service-kit/auth'
import { decodeJwt } from 'jose'

/** @param authorization as it was sent and verified: a token may tell the full name, which nothing else needs */
export const presentCaller = (caller: Person, authorization: string | undefined) => ({
  id: caller.subject,
  subject: caller.subject,
  ...(caller.username === undefined
    ? {}
    : { username: caller.username, name: nameIn(authorization) ?? caller.username }),
  ...(caller.email === undefined ? {} : { email: caller.email }),
  kind: caller.kind,
  roles: caller.roles,
  is_guest: caller.roles.includes('guest'),
  auth_method: caller.kind === 'key' ? ('apikey' as const) : ('jwt' as const),
})

function nameIn(authorization: string | undefined): string | undefined {
  const token = bearerToken(authorization)
  try {
    const { name } = token && !isApiKey(token) ? decodeJwt(token) : {}
    return typeof name === 'string' && name.trim() !== '' ? name : undefined
  } catch {
    // Where nobody is asked for a token, anything may stand in its place.
    return undefined
  }
}

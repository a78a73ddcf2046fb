import type { Authenticate, RequestHeaders } from './auth.ts'
import { AppError } from './errors.ts'

/**
 * Every caller is the user `local`: for a laptop, never beyond loopback (see `authProblems` in config-blocks.ts).
 * Pages of the internet are not callers: their scripts reach loopback too, so what comes from a foreign page,
 * or under a foreign name that was made to point here, is refused.
 */
export const everyoneIsLocal: Authenticate = async (headers) => {
  if (!isFromHere(headers))
    throw new AppError(
      'forbidden',
      'AUTH_ENABLED=false serves this machine only, and this request comes from another site',
    )
  return { kind: 'user', subject: 'local', workspaceId: 'local', roles: ['user'], username: 'local' }
}

function isFromHere(headers: RequestHeaders): boolean {
  const { origin, host = '', 'x-forwarded-host': outside, 'sec-fetch-site': site } = headers
  return (
    site !== 'cross-site' &&
    (origin === undefined || isLocalName(URL.parse(origin)?.hostname)) &&
    [host, outside ?? host].every((name) => isLocalName(URL.parse(`http://${name}`)?.hostname))
  )
}

/** Loopback, or a name without a dot: a service's, which no site of the internet can have. */
const isLocalName = (name: string | undefined): boolean =>
  name !== undefined && (/^(127(\.\d+){3}|\[::1\])$/.test(name) || /^[a-z][a-z0-9-]*$/.test(name))

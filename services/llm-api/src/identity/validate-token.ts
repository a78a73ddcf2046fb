import { isApiKey } from '@jan/service-kit/accept-keys'
import { bearerChallenge, unauthenticated } from '@jan/service-kit/auth'
import type { Deps } from '../deps.ts'

/** What the provider says of the person behind an access token. @throws AppError `unauthenticated` without one that it accepts */
export async function validateToken(
  { identity }: Pick<Deps, 'identity'>,
  authorization: string | undefined,
): Promise<Record<string, unknown>> {
  const token = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
  const info = token && !isApiKey(token) ? await identity.sessions.userInfo(token) : undefined
  if (info) return info
  const problem = token ? 'The token is not valid' : undefined
  throw unauthenticated(problem ?? 'You need to send a token', bearerChallenge(problem))
}

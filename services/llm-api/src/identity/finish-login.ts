import { AppError, invalid } from '@jan/service-kit/errors'
import type { Deps } from '../deps.ts'

export type Callback = { code?: string | undefined; state?: string | undefined; iss?: string | undefined }

/**
 * Exchanges the code that a browser came back with. @returns whose login it was, and where the browser goes now: tokens stand in the fragment,
 * which no server's log sees, and the state, by which a page knows a login that it began.
 * @throws AppError `invalid_request` without code or state or for a code that is refused, `unauthenticated` for a bad state,
 * `internal` when the provider fails
 */
export async function finishLogin(
  deps: Pick<Deps, 'identity' | 'authenticate' | 'login' | 'loginStates'>,
  { code, state, iss }: Callback,
): Promise<{ location: string; subject: string }> {
  if (!code || !state) throw invalid(`${code ? 'state' : 'code'} is missing`, code ? 'state' : 'code')
  const login = await deps.loginStates.use(state)
  if (!login) throw new AppError('unauthenticated', 'Invalid state parameter: it is not ours, was used, or has expired')
  // Another provider's code would be sent to ours (RFC 9207).
  if (iss !== undefined && iss !== deps.login.issuer) throw invalid('iss is not the issuer of this server', 'iss')
  const tokens = await deps.identity.sessions
    .exchangeCode({ code, verifier: login.verifier, redirectUri: deps.login.callbackUrl })
    .catch(notUpstream)
  if (!tokens) throw invalid('The code is not accepted: it was used, has expired, or is not for this login', 'code')
  const fragment = new URLSearchParams({
    access_token: tokens.accessToken,
    refresh_token: tokens.refreshToken,
    expires_in: String(tokens.expiresIn),
    token_type: 'Bearer',
    state,
  })
  const caller = await deps.authenticate({ authorization: `Bearer ${tokens.accessToken}` })
  if (!caller || caller.kind === 'service') throw new Error('the provider gave a token of nobody')
  return { location: `${login.redirectUrl}#${fragment}`, subject: caller.subject }
}

/** Clients know 400 and 500 of a login that fails, and no 502. */
function notUpstream(error: unknown): never {
  if (error instanceof AppError && error.code === 'upstream_failed')
    throw new AppError('internal', 'The login could not be finished: the identity provider refused it', {
      cause: error.extra.cause,
    })
  throw error
}

import { createHash } from 'node:crypto'
import { invalid } from '@jan/service-kit/errors'
import type { Config } from '../config.ts'
import type { Deps } from '../deps.ts'

export type LoginSettings = {
  issuer: string
  /** The provider's, as browsers see it. */
  authorizationEndpoint: string
  clientId: string
  callbackUrl: string
  /** Where a login may end; the first is the default. */
  redirectUrls: string[]
}

export const loginSettings = ({ auth, identity }: Pick<Config, 'auth' | 'identity'>): LoginSettings => ({
  issuer: auth.issuer,
  authorizationEndpoint: `${(identity.publicUrl ?? identity.baseUrl).replace(/\/+$/, '')}/realms/${encodeURIComponent(identity.realm)}/protocol/openid-connect/auth`,
  clientId: identity.targetClientId,
  callbackUrl: identity.callbackUrl,
  redirectUrls: identity.redirectUrls,
})

/** The provider's page to send a browser to, and the state that comes back from it. @throws AppError `invalid_request` for a redirect that is not listed */
export function startLogin(
  deps: Pick<Deps, 'login' | 'loginStates' | 'newVerifier'>,
  redirectUrl: string | undefined,
): { authorizationUrl: string; state: string } {
  const { authorizationEndpoint, clientId, callbackUrl, redirectUrls } = deps.login
  const target = redirectUrl ?? redirectUrls[0]
  if (!target || !redirectUrls.includes(target))
    throw invalid('redirect_url is not one of those this server redirects to (LOGIN_REDIRECT_URLS)', 'redirect_url')
  const verifier = deps.newVerifier()
  const state = deps.loginStates.seal({ verifier, redirectUrl: target })
  const query = new URLSearchParams({
    client_id: clientId,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    redirect_uri: callbackUrl,
    response_type: 'code',
    scope: 'openid profile email',
    state,
  })
  return { authorizationUrl: `${authorizationEndpoint}?${query}`, state }
}

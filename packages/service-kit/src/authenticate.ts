import { type Authenticate, bearerAuth, type Challenge } from './auth.ts'
import { createInternalTokens, type InternalKey, type InternalTokens } from './internal-token.ts'
import { everyoneIsLocal } from './local-caller.ts'

export type AuthSettings = {
  enabled: boolean
  issuer: string
  audience: string[]
  jwksUrl: string
  internalKeys: InternalKey[]
}

/** What a service needs of identity: how it judges who calls, and how it calls others. */
export function createIdentity(
  service: string,
  settings: AuthSettings,
  challenge?: Challenge,
): { authenticate: Authenticate; tokens: InternalTokens } {
  const tokens = createInternalTokens(service, settings.internalKeys)
  const authenticate = settings.enabled
    ? bearerAuth({
        issuer: settings.issuer,
        audience: settings.audience,
        jwksUrl: settings.jwksUrl,
        internal: tokens,
        ...(challenge ? { challenge } : {}),
      })
    : everyoneIsLocal
  return { authenticate, tokens }
}

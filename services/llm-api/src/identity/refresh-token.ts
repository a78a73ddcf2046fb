import { invalid } from '@jan/service-kit/errors'
import type { Deps } from '../deps.ts'
import { type SentToken, sentToken } from './sent-token.ts'
import type { TokenSet } from './sessions.client.ts'

export type RefreshedTokens = TokenSet & { expiresAt: Date }

/**
 * New tokens for a refresh token; undefined when the identity provider does not accept it. Two tabs that refresh one
 * token at once, on whichever replicas, get the same answer.
 * @throws AppError `invalid_request` without a token
 */
export async function refreshToken(
  deps: Pick<Deps, 'identity' | 'refreshes' | 'now'>,
  sent: SentToken,
): Promise<RefreshedTokens | undefined> {
  const token = sentToken(sent)
  if (!token) throw invalid('refresh_token required', 'refresh_token')
  const askedAt = deps.now().getTime()
  const tokens = await deps.refreshes.once(token, () => deps.identity.sessions.refresh(token))
  return tokens && { ...tokens, expiresAt: new Date(askedAt + tokens.expiresIn * 1000) }
}

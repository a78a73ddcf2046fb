import { invalid } from '@jan/service-kit/errors'
import type { Deps } from '../deps.ts'
import type { TokenSet } from './identity.client.ts'

/** Where clients put their refresh token. */
export type RefreshRequest = {
  sent?: string | undefined
  cookie: string | undefined
  authorization: string | undefined
}

export type RefreshedTokens = TokenSet & { expiresAt: Date }

/** New tokens for a refresh token; undefined when the identity provider does not accept it. @throws AppError `invalid_request` without one */
export async function refreshToken(
  deps: Pick<Deps, 'identity' | 'now'>,
  { sent, cookie, authorization }: RefreshRequest,
): Promise<RefreshedTokens | undefined> {
  const token = sent ?? cookieNamed('refresh_token', cookie) ?? authorization?.replace(/^Bearer +/i, '').trim()
  if (!token) throw invalid('refresh_token required', 'refresh_token')
  const askedAt = deps.now().getTime()
  const tokens = await deps.identity.refresh(token)
  return tokens && { ...tokens, expiresAt: new Date(askedAt + tokens.expiresIn * 1000) }
}

const cookieNamed = (name: string, header = ''): string | undefined =>
  header
    .split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${name}=`))
    ?.slice(name.length + 1) || undefined

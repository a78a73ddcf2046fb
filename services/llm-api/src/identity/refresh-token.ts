import { invalid } from '@jan/service-kit/errors'
import { parseJson } from '@jan/service-kit/json-body'
import type { Deps } from '../deps.ts'
import type { TokenSet } from './identity.client.ts'

export type RefreshRequest = { body?: Buffer; cookie: string | undefined; authorization: string | undefined }

export type RefreshedTokens = TokenSet & { expiresAt: Date }

/** New tokens for a refresh token; undefined when the identity provider does not accept it. @throws AppError `invalid_request` without one */
export async function refreshToken(
  deps: Pick<Deps, 'identity' | 'now'>,
  request: RefreshRequest,
): Promise<RefreshedTokens | undefined> {
  const token = findRefreshToken(request)
  if (!token) throw invalid('refresh_token required', 'refresh_token')
  const askedAt = deps.now().getTime()
  const tokens = await deps.identity.refresh(token)
  return tokens && { ...tokens, expiresAt: new Date(askedAt + tokens.expiresIn * 1000) }
}

/** In a JSON body; only without one, in the cookie, then in the header. */
export function findRefreshToken({ body, cookie, authorization }: RefreshRequest): string | undefined {
  const json = body && jsonIn(body)
  if (json) {
    const { refresh_token: token } = json.value as { refresh_token?: unknown }
    return typeof token === 'string' ? token : undefined
  }
  return cookieNamed('refresh_token', cookie) ?? authorization?.replace(/^Bearer +/i, '').trim()
}

function jsonIn(body: Buffer): { value: object } | undefined {
  try {
    return { value: Object(parseJson(body)) as object }
  } catch {
    return undefined
  }
}

const cookieNamed = (name: string, header = ''): string | undefined =>
  header
    .split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${name}=`))
    ?.slice(name.length + 1) || undefined

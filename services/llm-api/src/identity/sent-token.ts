import { isApiKey } from '@jan/service-kit/accept-keys'

/** Where clients put their refresh token. */
export type SentToken = {
  sent?: string | undefined
  cookie: string | undefined
  authorization: string | undefined
}

/** The one in the body, else in the cookie `refresh_token`, else in `Authorization`. API keys are none, and not for the provider. */
export function sentToken({ sent, cookie, authorization }: SentToken): string | undefined {
  const token = sent ?? cookieNamed('refresh_token', cookie) ?? authorization?.replace(/^Bearer +/i, '').trim()
  return token && !isApiKey(token) ? token : undefined
}

const cookieNamed = (name: string, header = ''): string | undefined =>
  header
    .split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${name}=`))
    ?.slice(name.length + 1) || undefined

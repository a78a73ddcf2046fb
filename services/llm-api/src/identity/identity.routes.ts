import { json } from '@jan/service-kit/answer'
import { bearerChallenge, unauthenticated } from '@jan/service-kit/auth'
import { invalid } from '@jan/service-kit/errors'
import { type Route, route } from '@jan/service-kit/route'
import type { Deps } from '../deps.ts'
import { createGuest, type GuestSession } from './create-guest.ts'
import { GuestTokens, Me, RefreshedTokens, RefreshRequest } from './identity.schema.ts'
import { callerHeaders, presentCaller } from './present-caller.ts'
import { type RefreshedTokens as Refreshed, refreshToken } from './refresh-token.ts'

/** Answers with tokens must not stay in any cache (RFC 6749, 5.1). */
const NOT_STORED = { 'cache-control': 'no-store' }
const NOT_ACCEPTED = 'The refresh token is not valid any more'

export const identityRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'create_guest',
    method: 'post',
    path: '/auth/guest-login',
    aliases: ['/auth/guest'],
    summary: 'Become a guest',
    description: 'Makes a new guest and signs it in. A body is ignored.',
    auth: 'none',
    answers: { 201: GuestTokens },
    handler: async ({ who }) => json(presentGuest(await createGuest(deps, who)), { status: 201, headers: NOT_STORED }),
  }),
  route({
    operation: 'refresh_token',
    method: 'post',
    path: '/auth/refresh-token',
    summary: 'Exchange a refresh token for new tokens',
    description:
      'The token is taken from `refresh_token` of a JSON body; without a body from the cookie `refresh_token`, then from `Authorization`. Each refresh token is good for one use.',
    auth: 'none',
    body: RefreshRequest.optional(),
    answers: { 200: RefreshedTokens },
    handler: async ({ body, headers: { cookie, authorization } }) => {
      const tokens = await refreshToken(deps, { sent: body?.refresh_token, cookie, authorization })
      if (!tokens) throw unauthenticated(NOT_ACCEPTED, bearerChallenge(NOT_ACCEPTED))
      return json(presentRefreshed(tokens), { headers: NOT_STORED })
    },
  }),
  route({
    operation: 'refresh_token_from_header',
    method: 'get',
    path: '/auth/refresh-token',
    summary: 'Exchange a refresh token for new tokens',
    description: 'As POST, with the token in the cookie `refresh_token` or in `Authorization`. Older clients use it.',
    auth: 'none',
    answers: { 200: RefreshedTokens },
    handler: async ({ headers: { cookie, authorization } }) => {
      const tokens = await refreshToken(deps, { cookie, authorization })
      // Clients of this form take 401 for "there is no such endpoint".
      if (!tokens) throw invalid(NOT_ACCEPTED)
      return json(presentRefreshed(tokens), { headers: NOT_STORED })
    },
  }),
  route({
    operation: 'get_me',
    method: 'get',
    path: '/auth/me',
    summary: 'Who am I?',
    auth: 'person',
    answers: { 200: Me },
    handler: ({ who }) => json(presentCaller(who.caller), { headers: callerHeaders(who.caller) }),
  }),
]

const presentGuest = (guest: GuestSession) => ({
  user_id: guest.userId,
  username: guest.username,
  principal_id: guest.userId,
  access_token: guest.accessToken,
  refresh_token: guest.refreshToken,
  token_type: 'Bearer' as const,
  expires_in: guest.expiresIn,
})

const presentRefreshed = (tokens: Refreshed) => ({
  access_token: tokens.accessToken,
  refresh_token: tokens.refreshToken,
  token_type: 'Bearer' as const,
  expires_in: tokens.expiresIn,
  expires_at: tokens.expiresAt.toISOString(),
})

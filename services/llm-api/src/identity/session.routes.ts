import { json, NOT_STORED } from '@jan/service-kit/answer'
import { bearerChallenge, unauthenticated } from '@jan/service-kit/auth'
import { invalid, presentFlatError } from '@jan/service-kit/errors'
import { type Route, route } from '@jan/service-kit/route'
import { noteAct } from '../audit/note-act.ts'
import type { Deps } from '../deps.ts'
import { LoggedOut, RefreshedTokens, RefreshRequest, Revoked, ValidToken } from './identity.schema.ts'
import { logOut } from './log-out.ts'
import { type RefreshedTokens as Refreshed, refreshToken } from './refresh-token.ts'
import { validateToken } from './validate-token.ts'

const NOT_ACCEPTED = 'The refresh token is not valid any more'

export const sessionRoutes = (deps: Deps): Route[] => [...refreshRoutes(deps), ...endingRoutes(deps)]

const refreshRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'refresh_token',
    method: 'post',
    path: '/auth/refresh-token',
    summary: 'Exchange a refresh token for new tokens',
    description:
      'The token is taken from `refresh_token` of a JSON body; without it from the cookie `refresh_token`, then from `Authorization`. Each refresh token is good for one use.',
    auth: 'none',
    body: RefreshRequest.partial().optional(),
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
    operation: 'validate_token',
    method: 'post',
    path: '/auth/validate',
    summary: 'Does the identity provider still accept this access token?',
    auth: 'none',
    presentError: presentFlatError,
    answers: { 200: ValidToken },
    handler: async ({ headers }) => ({
      valid: true as const,
      user_info: await validateToken(deps, headers.authorization),
    }),
  }),
]

const endingRoutes = (deps: Deps): Route[] => [
  route({
    operation: 'log_out',
    method: 'post',
    path: '/auth/logout',
    summary: 'End the session',
    description:
      'Ends the session of the refresh token in the body, the cookie or `Authorization`, or that of the access token in `Authorization`. Access tokens that were given out stay good until they expire.',
    auth: 'none',
    body: RefreshRequest.partial().optional(),
    answers: { 200: LoggedOut },
    handler: async ({ body, headers: { cookie, authorization }, who, address }) => {
      const ended = await logOut(deps, { sent: body?.refresh_token, cookie, authorization })
      if (ended) await noteAct(deps, { who, address }, { act: 'session.ended', ...ended })
      return loggedOut
    },
  }),
  route({
    operation: 'log_out_from_browser',
    method: 'get',
    path: '/auth/logout',
    summary: 'End the session',
    description: 'As POST, without a body.',
    auth: 'none',
    answers: { 200: LoggedOut },
    handler: async ({ headers: { cookie, authorization }, who, address }) => {
      const ended = await logOut(deps, { cookie, authorization })
      if (ended) await noteAct(deps, { who, address }, { act: 'session.ended', ...ended })
      return loggedOut
    },
  }),
  route({
    operation: 'revoke_token',
    method: 'post',
    path: '/auth/revoke',
    summary: 'Revoke a refresh token',
    description: 'Ends its session. A token that is not known is as good as revoked.',
    auth: 'none',
    body: RefreshRequest,
    presentError: presentFlatError,
    answers: { 200: Revoked },
    handler: async ({ body, who, address }) => {
      const hasEnded = await deps.identity.sessions.endSession(body.refresh_token)
      if (hasEnded) await noteAct(deps, { who, address }, { act: 'session.ended' })
      return { message: 'Token revoked successfully' }
    },
  }),
]

/** Clients keep their refresh token in this cookie. */
const loggedOut = json(
  { status: 'logged out' as const },
  {
    headers: {
      'set-cookie': 'refresh_token=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=None',
    },
  },
)

const presentRefreshed = (tokens: Refreshed) => ({
  access_token: tokens.accessToken,
  refresh_token: tokens.refreshToken,
  token_type: 'Bearer' as const,
  expires_in: tokens.expiresIn,
  expires_at: tokens.expiresAt.toISOString(),
})

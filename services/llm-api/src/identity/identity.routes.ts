import { json, NOT_STORED } from '@jan/service-kit/answer'
import { type Route, route } from '@jan/service-kit/route'
import { noteAct } from '../audit/note-act.ts'
import type { Deps } from '../deps.ts'
import { createGuest, type GuestSession } from './create-guest.ts'
import { GuestTokens, Me, Upgraded, UpgradeRequest } from './identity.schema.ts'
import { presentCaller } from './present-caller.ts'
import { upgradeGuest } from './upgrade-guest.ts'

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
    handler: async ({ who, address }) => {
      const guest = await createGuest(deps, who, address())
      await noteAct(deps, { who, address }, { act: 'guest.created', actor: guest.userId, target: guest.userId })
      return json(presentGuest(guest), { status: 201, headers: NOT_STORED })
    },
  }),
  route({
    operation: 'upgrade_guest',
    method: 'post',
    path: '/auth/upgrade',
    summary: 'Make a guest a user',
    description:
      'Sets e-mail, name and password. The subject stays, and with it everything the guest has made; refreshed tokens have the new roles.',
    auth: 'person',
    body: UpgradeRequest,
    answers: { 200: Upgraded },
    handler: async ({ body, who, address }) => {
      await upgradeGuest(deps, who, { email: body.email, password: body.password, fullName: body.full_name })
      await noteAct(deps, { who, address }, { act: 'guest.upgraded', target: who.caller.subject })
      return { status: 'upgraded' as const }
    },
  }),
  route({
    operation: 'get_me',
    method: 'get',
    path: '/auth/me',
    summary: 'Who am I?',
    auth: 'person',
    answers: { 200: Me },
    handler: ({ who, headers }) => presentCaller(who.caller, headers.authorization),
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

import { enforceAddressLimit } from '@jan/service-kit/rate-limit-headers'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { noteGuestCreated } from '../events.ts'
import type { TokenSet } from './sessions.client.ts'

export type GuestSession = TokenSet & { userId: string; username: string }

/**
 * A new person without a name, with a workspace of their own and tokens for it.
 * The client's leaving is not handed down: a call cut halfway would leave a user behind that nobody knows.
 */
export async function createGuest(
  deps: Pick<Deps, 'identity' | 'workspaces' | 'guestLimit' | 'newGuest' | 'now' | 'events'>,
  who: Who<undefined>,
  address: string,
): Promise<GuestSession> {
  // Before the provider hashes a password for nothing.
  if (deps.guestLimit) enforceAddressLimit(deps.guestLimit, address, 'guests')
  const guest = deps.newGuest()
  const userId = await deps.identity.users.createGuest(guest)
  try {
    const tokens = await deps.identity.sessions.logIn(guest.username, guest.password)
    await deps.workspaces.create({ id: userId, kind: 'guest', createdBy: userId, createdAt: deps.now() })
    noteGuestCreated(deps.events, who.log, userId)
    return { ...tokens, userId, username: guest.username }
  } catch (error) {
    await deps.identity.users.deleteUser(userId).catch((cause: unknown) => {
      who.log.error({ err: cause, user_id: userId }, 'a guest that could not sign in is left at the identity provider')
    })
    throw error
  }
}

import { AppError, notFound } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { GUESTS, type ProviderUser } from './users.client.ts'

export type Upgrade = { email: string; password: string; fullName: string | undefined }

/**
 * Makes a guest a user: the same subject, so everything the guest has made stays theirs. A step that fails undoes those
 * before it. The caller's session goes on, all others of the guest end.
 * @throws AppError `forbidden` for who is no guest, `conflict` when the address is taken
 */
export async function upgradeGuest(
  deps: Pick<Deps, 'identity' | 'workspaces' | 'newGuest'>,
  { caller, log }: Who,
  upgrade: Upgrade,
): Promise<void> {
  const { users } = deps.identity
  if (caller.kind !== 'guest') throw new AppError('forbidden', 'Only a guest can be upgraded')
  const guest = await users.getUser(caller.subject)
  if (!guest) throw notFound('User', caller.subject)
  // A token may be older than an upgrade.
  if (guest.attributes.guest?.[0] !== 'true') throw new AppError('forbidden', 'This guest has been upgraded already')
  const undo: (() => Promise<void>)[] = []
  try {
    await users.putUser(upgraded(guest, upgrade))
    undo.push(() => users.putUser(guest))
    await users.setPassword(guest.id, upgrade.password)
    // The guest's own is known to nobody, so any other is as good.
    undo.push(() => users.setPassword(guest.id, deps.newGuest().password))
    await users.giveRole(guest.id, 'user')
    undo.push(() => users.takeRole(guest.id, 'user'))
    await users.leaveGroup(guest.id, GUESTS)
  } catch (error) {
    for (const step of undo.reverse())
      await step().catch((cause: unknown) =>
        log.error({ err: cause, user_id: guest.id }, 'an upgrade that failed could not be undone'),
      )
    throw error
  }
  await deps.workspaces.setKind(guest.id, 'user')
  await users.endSessions(guest.id, caller.sessionId)
}

function upgraded(guest: ProviderUser, { email, fullName }: Upgrade): ProviderUser {
  const [firstName, ...rest] = (fullName ?? '').trim().split(/\s+/)
  return {
    ...guest,
    email,
    emailVerified: guest.emailVerified && guest.email?.toLowerCase() === email.toLowerCase(),
    attributes: { ...guest.attributes, guest: ['false'] },
    ...(firstName ? { firstName, lastName: rest.join(' ') } : {}),
  }
}

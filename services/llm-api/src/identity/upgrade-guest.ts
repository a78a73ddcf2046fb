import { AppError, notFound } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { Deps } from '../deps.ts'
import { GUESTS, type ProviderUser } from './users.client.ts'

export type Upgrade = { email: string; password: string; fullName: string | undefined }

/** What is done, and how it is taken back: also when it is not known whether it was done. */
type Step = { act: () => Promise<void>; undo?: () => Promise<void> }

/**
 * Makes a guest a user: the same subject, so everything the guest has made stays theirs. A step that fails is undone
 * with those before it: its answer may have been lost on the way. The caller's session goes on, all others of the guest
 * end.
 * @throws AppError `forbidden` for who is no guest, `conflict` when the address is taken
 */
export async function upgradeGuest(
  deps: Pick<Deps, 'identity' | 'workspaces' | 'newGuest' | 'turns'>,
  { caller, log }: Who,
  upgrade: Upgrade,
): Promise<void> {
  if (caller.kind !== 'guest') throw new AppError('forbidden', 'Only a guest can be upgraded')
  // Of two at once, one would get the other's address or password.
  await deps.turns.take(`upgrade ${caller.subject}`, async () => {
    const guest = await deps.identity.users.getUser(caller.subject)
    if (!guest) throw notFound('User', caller.subject)
    // A token may be older than an upgrade.
    if (guest.attributes.guest?.[0] !== 'true') throw new AppError('forbidden', 'This guest has been upgraded already')
    await doOrUndo(stepsOf(deps, guest, upgrade, caller.sessionId), (cause) =>
      log.error({ err: cause, user_id: guest.id }, 'an upgrade that failed could not be undone'),
    )
  })
}

async function doOrUndo(steps: Step[], onStuck: (cause: unknown) => void): Promise<void> {
  const begun: Step[] = []
  try {
    for (const step of steps) {
      begun.push(step)
      await step.act()
    }
  } catch (error) {
    for (const { undo } of begun.reverse()) await undo?.().catch(onStuck)
    throw error
  }
}

const stepsOf = (
  { identity: { users }, workspaces, newGuest }: Pick<Deps, 'identity' | 'workspaces' | 'newGuest'>,
  guest: ProviderUser,
  upgrade: Upgrade,
  session: string | undefined,
): Step[] => [
  { act: () => users.putUser(upgraded(guest, upgrade)), undo: () => users.putUser(guest) },
  // The guest's own password is known to nobody, so any other is as good.
  {
    act: () => users.setPassword(guest.id, upgrade.password),
    undo: () => users.setPassword(guest.id, newGuest().password),
  },
  { act: () => users.giveRole(guest.id, 'user'), undo: () => users.takeRole(guest.id, 'user') },
  { act: () => users.leaveGroup(guest.id, GUESTS), undo: () => users.joinGroup(guest.id, GUESTS) },
  { act: () => workspaces.setKind(guest.id, 'user'), undo: () => workspaces.setKind(guest.id, 'guest') },
  { act: () => users.endSessions(guest.id, session) },
]

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

import type { Caller, Person } from '@jan/service-kit/auth'
import { AppError } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'

/** Whoever asks, with the signal and the log of what they asked: a request, or a call of a tool. */
export type Asking<C extends Caller = Person> = Pick<Who<C>, 'caller' | 'requestId' | 'signal' | 'log'>

/** @throws AppError `forbidden` for a service that acts for itself: it has no workspace */
export function requirePerson(asking: Asking<Caller>): Asking {
  const { caller, requestId, log, signal } = asking
  if (caller.kind === 'service')
    throw new AppError('forbidden', 'Documents belong to people: call this for one of them')
  return { caller, requestId, log, signal }
}

import { AppError } from '@jan/service-kit/errors'

/** What a conversation may hold, or would: of all its branches together. */
export type Room = { items: number; bytes: number }

/** @throws AppError `invalid_request` (`conversation_full`) */
export function requireRoom(needed: Room, most: Room): void {
  for (const unit of ['items', 'bytes'] as const)
    if (needed[unit] > most[unit])
      throw new AppError(
        'invalid_request',
        `A conversation holds at most ${most[unit]} ${unit}, and this would make ${needed[unit]}`,
        { wireCode: 'conversation_full', param: 'items' },
      )
}

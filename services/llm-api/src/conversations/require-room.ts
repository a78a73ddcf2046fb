import { AppError } from '@jan/service-kit/errors'

/** @throws AppError `invalid_request` (`conversation_full`) */
export function requireRoom(items: number, most: number): void {
  if (items > most)
    throw new AppError('invalid_request', `A conversation holds at most ${most} items, and this would make ${items}`, {
      wireCode: 'conversation_full',
      param: 'items',
    })
}

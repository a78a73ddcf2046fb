import { AppError } from '@jan/service-kit/errors'
import { Unreadable } from './unreadable.ts'

/** Why a file has no text that can be read, as its reader was told, if the file itself is to blame: on a busy machine reading may take too long, and then it may be tried again. */
export function refusalOf(error: unknown): { refusal: string } | undefined {
  const cause = error instanceof AppError ? error.extra.cause : undefined
  if (!(cause instanceof Unreadable) || cause.reason === 'time') return undefined
  return { refusal: (error as AppError).message }
}

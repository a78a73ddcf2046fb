import { GuardedFetchError } from '@jan/guarded-fetch/guarded-fetch-error'
import { requireTarget } from '@jan/guarded-fetch/target'
import { AppError, invalid } from '@jan/service-kit/errors'
import type { Deps } from '../deps.ts'

/**
 * The address as it is kept, when it may be dialled as far as its text tells. Names are judged again at every connection.
 * @throws AppError `invalid_request`
 */
export function requireBaseUrl({ isAllowed }: Pick<Deps, 'isAllowed'>, text: string): string {
  try {
    const url = requireTarget(text, isAllowed)
    if (url.search || url.hash) throw invalid('base_url: expected no query and no fragment', 'base_url')
    return url.href.replace(/\/+$/, '')
  } catch (error) {
    throw refusalOf(error) ?? error
  }
}

/** The guarded dialer's no, wherever in a chain of causes. */
export function refusalOf(error: unknown): AppError | undefined {
  for (let link = error; link instanceof Error; link = link.cause)
    if (link instanceof GuardedFetchError && (link.code === 'blocked' || link.code === 'invalid_url'))
      return new AppError('invalid_request', `base_url: ${link.message}`, { param: 'base_url', cause: error })
  return undefined
}

/** What went wrong with a provider, in our own words: its own may hold what it was sent. */
export function reasonOf(error: unknown): { code: string; message: string } {
  const blocked = refusalOf(error)
  if (blocked) return { code: 'blocked_address', message: blocked.message }
  if (error instanceof AppError) return { code: error.code, message: error.extra.logMessage ?? error.message }
  return { code: 'internal', message: 'The models could not be read' }
}

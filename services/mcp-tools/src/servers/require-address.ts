import { GuardedFetchError } from '@jan/guarded-fetch/guarded-fetch-error'
import { invalid } from '@jan/service-kit/errors'
import type { Deps } from '../deps.ts'

/** The address as it is kept, when it may be dialled as far as its text tells; its name is judged again at every connection. @throws AppError `invalid_request` */
export function requireAddress({ serverHttp }: Pick<Deps, 'serverHttp'>, text: string): string {
  try {
    const url = serverHttp.requireTarget(text)
    if (url.hash) throw invalid('url: expected no fragment', 'url')
    return url.href
  } catch (error) {
    if (error instanceof GuardedFetchError) throw invalid(`url: ${error.message}`, 'url')
    throw error
  }
}

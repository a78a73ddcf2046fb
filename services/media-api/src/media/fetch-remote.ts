import type { GuardedFetch } from '@jan/guarded-fetch/guarded-fetch'
import { GuardedFetchError } from '@jan/guarded-fetch/guarded-fetch-error'
import { AppError, type ErrorCode } from '@jan/service-kit/errors'
import { tooLarge } from './data-url.ts'

const CODES: Record<GuardedFetchError['code'], ErrorCode> = {
  invalid_url: 'invalid_request',
  blocked: 'invalid_request',
  too_large: 'payload_too_large',
  timeout: 'upstream_timeout',
  unreachable: 'upstream_failed',
  too_many_redirects: 'upstream_failed',
}

type Options = { maxBytes: number; signal: AbortSignal }

/** The bytes behind somebody's URL. Its errors say what the caller may know; what was met inside stays in `cause`. */
export async function fetchRemote(outbound: GuardedFetch, url: string, { maxBytes, signal }: Options): Promise<Buffer> {
  try {
    const answer = await outbound.fetch(url, { signal, maxBytes, headers: { accept: 'image/*' } })
    if (answer.status < 200 || answer.status > 299) {
      await answer.discard()
      throw new AppError('upstream_failed', `The URL answered with status ${answer.status}`)
    }
    const content = await answer.bytes()
    if (content.length === 0) throw new AppError('upstream_failed', 'The URL answered without content')
    return content
  } catch (error) {
    if (!(error instanceof GuardedFetchError)) throw error
    if (error.code === 'too_large') throw tooLarge(maxBytes)
    const param = CODES[error.code] === 'invalid_request' ? { param: 'source.url' } : {}
    throw new AppError(CODES[error.code], error.message, { cause: error, ...param })
  }
}

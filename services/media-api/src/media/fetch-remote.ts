import type { GuardedFetch } from '@jan/guarded-fetch/guarded-fetch'
import { GuardedFetchError } from '@jan/guarded-fetch/guarded-fetch-error'
import { AppError, type ErrorCode } from '@jan/service-kit/errors'
import { tooLarge } from './receive-content.ts'

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
export async function fetchRemote(
  outbound: GuardedFetch,
  url: string,
  { maxBytes, signal }: Options,
): Promise<AsyncIterable<Uint8Array>> {
  try {
    const answer = await outbound.fetch(url, { signal, maxBytes, headers: { accept: '*/*' } })
    if (answer.status < 200 || answer.status > 299) {
      await answer.discard()
      throw new AppError('upstream_failed', `The URL answered with status ${answer.status}`)
    }
    return told(answer.body, maxBytes)
  } catch (error) {
    throw toldError(error, maxBytes)
  }
}

async function* told(body: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let isEmpty = true
  try {
    for await (const chunk of body) {
      isEmpty = false
      yield chunk
    }
  } catch (error) {
    throw toldError(error, maxBytes)
  }
  if (isEmpty) throw new AppError('upstream_failed', 'The URL answered without content')
}

function toldError(error: unknown, maxBytes: number): unknown {
  if (!(error instanceof GuardedFetchError)) return error
  if (error.code === 'too_large') return tooLarge(maxBytes)
  const param = CODES[error.code] === 'invalid_request' ? { param: 'source.url' } : {}
  return new AppError(CODES[error.code], error.message, { cause: error, ...param })
}

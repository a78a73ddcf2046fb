/**
 * - `invalid_url`: not an absolute http(s) URL without credentials
 * - `blocked`: the address, the port or a redirect's target is not open to callers
 * - `unreachable`: no such host, connection refused or broken off
 * - `timeout`, `too_large`, `too_many_redirects`: a limit of the call
 */
export type GuardedFetchCode =
  | 'blocked'
  | 'timeout'
  | 'too_large'
  | 'too_many_redirects'
  | 'invalid_url'
  | 'unreachable'

/**
 * Why a guarded fetch gave nothing. The message may be shown to whoever named the URL:
 * it never holds an address that they did not already know. What was really met is in `cause`, for the log.
 */
export class GuardedFetchError extends Error {
  override name = 'GuardedFetchError'
  readonly code: GuardedFetchCode

  constructor(code: GuardedFetchCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

export const blockedAddress = (detail: string): GuardedFetchError =>
  new GuardedFetchError(
    'blocked',
    'The URL leads to an address that is not on the public internet, nor in OUTBOUND_ALLOW (host:port) of the operator',
    new Error(detail),
  )

/** Turns whatever the dialer threw into ours; errors of ours are often wrapped as a cause by the time they arrive. */
export function toGuardedFetchError(error: unknown): GuardedFetchError {
  for (let link = error; link instanceof Error; link = link.cause) if (link instanceof GuardedFetchError) return link
  return new GuardedFetchError('unreachable', 'The URL could not be reached', error)
}

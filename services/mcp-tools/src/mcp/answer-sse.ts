import { type Answer, empty, relay } from '@jan/service-kit/answer'
import type { Caller, RequestHeaders } from '@jan/service-kit/auth'
import { AppError } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import { isJsonContentType } from '@modelcontextprotocol/server'
import type { Deps } from '../deps.ts'
import { askedBy } from '../tools/surface.ts'
import { metaOfHeaders } from './call-meta.ts'
import { parseMessage } from './parse-message.ts'
import { relayResponse } from './relay-response.ts'
import type { SseDeps } from './sse-sessions.ts'
import { requireTrustedNames } from './trusted-names.ts'

type OpenDeps = SseDeps & Pick<Deps, 'sseSessions' | 'trustedNames'>

/** The stream of a client of before 2025-03-26. */
export function openSse(deps: OpenDeps, who: Who<Caller>, headers: RequestHeaders): Answer<never> {
  requireTrustedNames(deps.trustedNames, headers)
  const asked = askedBy(who.caller, headers)
  const asking = { who, asked, modern: false, streams: true, meta: metaOfHeaders(headers) }
  const stream = deps.sseSessions.open(deps, asking)
  return relay(stream, { status: 200, headers: { 'content-type': 'text/event-stream' } })
}

type Posted = { headers: RequestHeaders; body: Buffer; sessionId: string | undefined }

/** A message of such a client: 202, and what comes of it on the stream. @throws AppError `not_found` without that stream */
export async function postToSse(
  { sseSessions, trustedNames }: Pick<Deps, 'sseSessions' | 'trustedNames'>,
  who: Who<Caller>,
  { headers, body, sessionId }: Posted,
): Promise<Answer<never>> {
  requireTrustedNames(trustedNames, headers)
  if (!isJsonContentType(headers['content-type']))
    throw new AppError('unsupported_media_type', 'Content-Type must be application/json')
  if (!sessionId)
    throw new AppError('invalid_request', 'sessionId is missing: it is part of the address that GET /v1/mcp/sse told')
  const message = parseMessage(body)
  if (message instanceof Response) return relayResponse(Promise.resolve(message), { endWhenLeft: true, id: null })
  await sseSessions.post(who.caller, sessionId, message)
  return empty({ status: 202 })
}

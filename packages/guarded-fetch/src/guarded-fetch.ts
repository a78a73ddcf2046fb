import type { LookupFunction } from 'node:net'
import { type Agent, fetch as dial } from 'undici'
import { type AllowList, parseAllowList } from './allow-list.ts'
import { type Deadline, startDeadline } from './deadline.ts'
import { createGuardedAgent } from './guarded-agent.ts'
import { GuardedFetchError } from './guarded-fetch-error.ts'
import { type Hop, nextHop, redirectTarget } from './redirect.ts'
import { requireTarget } from './target.ts'

export type GuardedFetchOptions = {
  /** `host:port` entries that the operator trusts although they are private or on another port (OUTBOUND_ALLOW). */
  allow: string[]
  /** Milliseconds from the call to the last byte of the body, redirects included. */
  timeoutMs: number
  /** Bytes of the body after content decoding. */
  maxBytes: number
  maxRedirects: number
  userAgent: string
  /** How names are resolved; `dns.lookup` when absent. Its answers are judged like any other. */
  lookup?: LookupFunction
}

export type GuardedInit = {
  signal?: AbortSignal
  method?: string
  /** `Host` is always the URL's own. On the way to another origin only plainly harmless headers are kept. */
  headers?: ConstructorParameters<typeof Headers>[0]
  body?: string | Uint8Array
  /** Overrides of the factory's limits for this call. */
  timeoutMs?: number
  maxBytes?: number
}

export type GuardedResponse = {
  status: number
  /** Where the answer came from, after redirects. */
  url: string
  /** Without `content-encoding` and `content-length` when the body was decoded. */
  headers: Headers
  /** Readable once, never more than `maxBytes`. Throws `too_large`, `timeout` or `unreachable`; leaving it early ends the connection. */
  body: AsyncIterable<Uint8Array>
  bytes(): Promise<Buffer>
  /** Ends the connection of a body nobody wants. */
  discard(): Promise<void>
}

export type GuardedFetch = {
  /** @throws GuardedFetchError; the reason of `init.signal` when that was aborted */
  fetch(url: string | URL, init?: GuardedInit): Promise<GuardedResponse>
  /** Ends every connection, also those in use. */
  close(): Promise<void>
}

type Limits = Pick<GuardedFetchOptions, 'maxBytes' | 'maxRedirects'>
type Dialer = { agent: Agent; allowed: AllowList; limits: Limits }
type Answer = Awaited<ReturnType<typeof dial>>

/**
 * The only way to a URL that somebody gave us. It reaches public http and https addresses on ports 80 and 443, judged
 * at the moment of each connection and again at every redirect, plus exactly what the operator allowed.
 * @throws TypeError when an `allow` entry is no `host:port`
 */
export function createGuardedFetch(options: GuardedFetchOptions): GuardedFetch {
  const allowed = parseAllowList(options.allow)
  const { lookup, timeoutMs, maxRedirects, userAgent } = options
  const agent = createGuardedAgent({ allowed, connectTimeoutMs: timeoutMs, ...(lookup && { lookup }) })
  return {
    async fetch(url, init = {}) {
      init.signal?.throwIfAborted()
      const headers = new Headers(init.headers)
      headers.delete('host')
      if (!headers.has('user-agent')) headers.set('user-agent', userAgent)
      const method = (init.method ?? 'GET').toUpperCase()
      const hop: Hop = { url: requireTarget(url, allowed), method, headers, body: init.body }
      const limits = { maxBytes: init.maxBytes ?? options.maxBytes, maxRedirects }
      const deadline = startDeadline(init.timeoutMs ?? timeoutMs, init.signal)
      try {
        return await follow({ agent, allowed, limits }, hop, deadline)
      } catch (error) {
        deadline.stop()
        throw deadline.reasonFor(error)
      }
    },
    close: () => agent.destroy(),
  }
}

async function follow({ agent, allowed, limits }: Dialer, first: Hop, deadline: Deadline): Promise<GuardedResponse> {
  let hop = first
  for (let redirects = 0; ; redirects++) {
    const answer = await dial(hop.url, {
      dispatcher: agent,
      method: hop.method,
      headers: [...hop.headers],
      body: hop.body ?? null,
      redirect: 'manual',
      signal: deadline.signal,
    })
    const headers = new Headers([...answer.headers])
    const location = redirectTarget(answer.status, headers)
    if (location === null) return present(answer, headers, { hop, deadline, maxBytes: limits.maxBytes })
    await answer.body?.cancel()
    if (redirects >= limits.maxRedirects)
      throw new GuardedFetchError('too_many_redirects', `The URL redirects more than ${limits.maxRedirects} times`)
    hop = nextHop(hop, answer.status, requireRedirect(location, hop.url, allowed))
  }
}

/** A redirect's target is not the caller's: whatever is wrong with it, the message must not describe it. */
function requireRedirect(location: string, from: URL, allowed: AllowList): URL {
  try {
    return requireTarget(location, allowed, from)
  } catch (error) {
    throw new GuardedFetchError('blocked', 'The URL redirects to an address that is not fetched', error)
  }
}

type Received = { hop: Hop; deadline: Deadline; maxBytes: number }

async function present(answer: Answer, headers: Headers, received: Received): Promise<GuardedResponse> {
  const { hop, deadline, maxBytes } = received
  const decoded = headers.has('content-encoding')
  if (!decoded && hop.method !== 'HEAD' && Number(headers.get('content-length')) > maxBytes) {
    await answer.body?.cancel()
    throw tooLarge(maxBytes)
  }
  if (decoded) for (const name of ['content-encoding', 'content-length']) headers.delete(name)
  const body = readCapped(answer.body, maxBytes, deadline)
  if (!answer.body) deadline.stop()
  return {
    status: answer.status,
    url: hop.url.href,
    headers,
    body,
    bytes: () => collect(body),
    discard: async () => {
      deadline.stop()
      if (answer.body?.locked === false) await answer.body.cancel()
    },
  }
}

async function* readCapped(source: Answer['body'], maxBytes: number, deadline: Deadline): AsyncGenerator<Uint8Array> {
  try {
    let total = 0
    for await (const chunk of (source ?? []) as AsyncIterable<Uint8Array>) {
      total += chunk.byteLength
      if (total > maxBytes) throw tooLarge(maxBytes)
      yield chunk
    }
  } catch (error) {
    throw deadline.reasonFor(error)
  } finally {
    deadline.stop()
  }
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const tooLarge = (maxBytes: number) =>
  new GuardedFetchError('too_large', `The URL's content is larger than ${maxBytes} bytes`)

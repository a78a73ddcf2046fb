import type { IncomingMessage } from 'node:http'
import { AppError } from './errors.ts'

/** A request body as it comes. */
export type Streamed = {
  /** Once. @throws AppError when the client leaves, or sends nothing for a minute */
  stream: AsyncIterable<Uint8Array>
  /** The whole Content-Type; empty when there is none. */
  type: string
  /** By Content-Length. */
  length: number | undefined
}

/** Longest silence within a body. */
export const IDLE_MS = 60_000

export function streamOfRequest(request: IncomingMessage, idleMs = IDLE_MS): Streamed {
  const { 'content-type': type = '', 'content-length': length } = request.headers
  return { stream: readingOf(request, idleMs), type, length: length === undefined ? undefined : Number(length) }
}

async function* readingOf(request: IncomingMessage, idleMs: number): AsyncGenerator<Uint8Array> {
  const chunks = request.iterator({ destroyOnReturn: false })
  for (;;) {
    const next = await withinTime(chunks.next(), idleMs)
    if (next.done) return
    yield next.value
  }
}

async function withinTime(next: Promise<IteratorResult<Uint8Array>>, ms: number): Promise<IteratorResult<Uint8Array>> {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooSlow(ms)), ms)
  })
  try {
    return await Promise.race([next, silence])
  } catch (error) {
    if (error instanceof AppError) throw error
    throw new AppError('client_closed_request', 'The request body ended early', { cause: error })
  } finally {
    clearTimeout(timer)
  }
}

const LINGER_MS = 10_000

/**
 * Reads on, for a while, what a client still sends to a request that was refused: closed at once, its connection would
 * take the refusal along, and a gateway in between would tell of a broken service.
 */
export function discardRest(request: IncomingMessage): void {
  request.resume()
  const cut = setTimeout(() => request.destroy(), LINGER_MS).unref()
  request.once('close', () => clearTimeout(cut))
}

export const tooSlow = (ms: number) =>
  new AppError('invalid_request', `Nothing of the body came for ${ms / 1000} seconds`, {
    status: 408,
    headers: { connection: 'close' },
  })

import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { type Answer, isAnswer, type SseEvent } from './answer.ts'
import { type AppError, type ErrorPresenter, toAppError } from './errors.ts'

/** Longest silence on a stream, in ms: below every proxy's idle limit. */
const KEEP_ALIVE_MS = 15_000
const KEEP_ALIVE = ': keep-alive\n\n'

export type SendContext = {
  requestId: string
  presentError: ErrorPresenter
  /** Told of an error that came too late for a status. */
  onLateError: (error: AppError) => void
}

/** Writes a handler's result. What fails before the first byte is thrown to the caller; what fails later ends the stream visibly. */
export async function sendAnswer(response: ServerResponse, result: unknown, context: SendContext): Promise<void> {
  if (!isAnswer(result)) return sendJson(response, 200, result)
  switch (result.kind) {
    case 'json':
      return sendJson(response, result.status, result.value, result.headers)
    case 'empty':
      response.writeHead(result.status, result.headers).end()
      return
    case 'redirect':
      response.writeHead(302, { location: result.url }).end()
      return
    case 'sse':
      return sendEvents(response, result, context)
    case 'relay':
    case 'bytes':
      return sendBytes(response, result, context)
  }
}

export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string | string[]> = {},
): void {
  const text = JSON.stringify(value)
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    ...headers,
  })
  response.end(text)
}

const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
}

/** One event as it stands on the wire. */
export const sseFrame = ({ event, id, data }: SseEvent): string =>
  `${event ? `event: ${event}\n` : ''}${id ? `id: ${id}\n` : ''}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`

async function sendEvents(
  response: ServerResponse,
  answer: Answer & { kind: 'sse' },
  context: SendContext,
): Promise<void> {
  const events = answer.events[Symbol.asyncIterator]()
  let next = await events.next()
  const stream = openStream(response, 200, { ...STREAM_HEADERS, ...answer.headers })
  try {
    for (; !next.done; next = await events.next()) {
      if (response.destroyed) break
      await stream.write(sseFrame(next.value))
    }
  } catch (error) {
    await sendLateError(stream, error, context)
  } finally {
    await events.return?.()
    stream.end()
  }
}

async function sendBytes(
  response: ServerResponse,
  answer: Answer & { kind: 'relay' | 'bytes' },
  context: SendContext,
): Promise<void> {
  if (answer.body === null) {
    response.writeHead(answer.status, answer.headers).end()
    return
  }
  const chunks = answer.body[Symbol.asyncIterator]()
  const isEvents = String(answer.headers['content-type'] ?? '').startsWith('text/event-stream')
  let next = await chunks.next()
  const stream = openStream(
    response,
    answer.status,
    { ...(isEvents ? STREAM_HEADERS : {}), ...answer.headers },
    isEvents,
  )
  try {
    for (; !next.done; next = await chunks.next()) {
      if (response.destroyed) break
      await stream.write(next.value)
    }
    stream.end()
  } catch (error) {
    if (isEvents) {
      await sendLateError(stream, error, context)
      stream.end()
    } else {
      // A body cut short must not look complete.
      context.onLateError(toAppError(error))
      response.destroy()
    }
  } finally {
    await chunks.return?.()
  }
}

async function sendLateError(stream: Stream, error: unknown, context: SendContext): Promise<void> {
  const known = toAppError(error)
  context.onLateError(known)
  if (known.code === 'client_closed_request') return
  await stream.write(sseFrame({ event: 'error', data: context.presentError(known, context.requestId) }))
}

type Stream = { write(chunk: string | Uint8Array): Promise<void>; end(): void }

/** A response that waits for slow readers, and says it is alive when there is nothing to say. */
function openStream(
  response: ServerResponse,
  status: number,
  headers: Record<string, string | string[]>,
  alive = true,
): Stream {
  response.writeHead(status, headers)
  response.flushHeaders()
  let last: string | Uint8Array = '\n\n'
  const speak = () => {
    // Only between two events: a comment inside one would tear it apart.
    if (endsEvent(last) && !response.writableNeedDrain) response.write(KEEP_ALIVE)
    timer?.refresh()
  }
  const timer = alive ? setTimeout(speak, KEEP_ALIVE_MS) : undefined
  const stop = () => clearTimeout(timer)
  response.once('close', stop)
  return {
    write: async (chunk) => {
      if (response.destroyed) return
      last = chunk
      timer?.refresh()
      if (!response.write(chunk)) await drained(response)
    },
    end: () => {
      stop()
      if (!response.destroyed) response.end()
    },
  }
}

async function drained(response: ServerResponse): Promise<void> {
  // The one that did not happen must not go on listening.
  const over = new AbortController()
  const { signal } = over
  await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]).catch(() => undefined)
  over.abort()
}

function endsEvent(chunk: string | Uint8Array): boolean {
  const tail = Buffer.from(chunk.slice(-4) as string | Uint8Array as Uint8Array).toString('latin1')
  return tail.endsWith('\n\n') || tail.endsWith('\r\n\r\n')
}

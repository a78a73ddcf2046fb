import type { Caller } from '@jan/service-kit/auth'
import { AppError, unavailable } from '@jan/service-kit/errors'
import { subjectOf } from './sessions.ts'

/** Frames that nobody fetched, after which a client is taken for gone. */
const MOST_WAITING = 1000
/** Proxies and clients wait for a head; the head goes out with the first bytes. */
const OPENING: Uint8Array = Buffer.from(': open\n\n')

export type Frames = { send(frame: string | Uint8Array): void; end(): void }

/** One message as an event. */
export const frameOf = (data: string, event = 'message'): string => `event: ${event}\ndata: ${data}\n\n`

/** Who reads a stream, for as long as their signal is not aborted. */
export type Reader = { caller: Caller; signal: AbortSignal }

/** The streams that this replica holds open: each is a connection. */
export type EventStreams = {
  /**
   * A stream that others write into, for as long as its reader stays.
   * @param start is told where to write, and says what is to be done when the stream has ended, whoever ended it
   * @throws AppError `rate_limited` when its caller holds too many, `unavailable` when all together do, or this replica stops
   */
  open(who: Reader, start: (frames: Frames) => () => void): ReadableStream<Uint8Array>
  /** Ends them all, for good: their clients come back, to another replica. */
  endAll(): void
}

/** @param mostEach how many of them one person may hold; services hold theirs for many */
export function createEventStreams(most: number, mostEach: number): EventStreams {
  const ends = new Set<() => void>()
  const held = new Map<string, number>()
  const count = (subject: string, by: number) => {
    const now = (held.get(subject) ?? 0) + by
    if (now > 0) held.set(subject, now)
    else held.delete(subject)
  }
  let isStopping = false
  return {
    open({ caller, signal }, start) {
      if (isStopping || ends.size >= most) throw unavailable('This server cannot hold another stream')
      const subject = subjectOf(caller)
      if (caller.kind !== 'service' && (held.get(subject) ?? 0) >= mostEach)
        throw new AppError('rate_limited', `You hold ${mostEach} streams, as many as you may: close one first`)
      let leave = () => {}
      return new ReadableStream<Uint8Array>({
        start(controller) {
          let isOpen = true
          const end = () => {
            if (!isOpen) return
            leave()
            controller.close()
          }
          const send = (frame: string | Uint8Array) => {
            if (!isOpen) return
            controller.enqueue(typeof frame === 'string' ? Buffer.from(frame) : frame)
            if ((controller.desiredSize ?? 0) < -MOST_WAITING) end()
          }
          send(OPENING)
          const finish = start({ send, end })
          leave = () => {
            isOpen = false
            if (ends.delete(end)) count(subject, -1)
            signal.removeEventListener('abort', end)
            finish()
          }
          ends.add(end)
          count(subject, 1)
          signal.addEventListener('abort', end)
          if (signal.aborted) end()
        },
        cancel: () => leave(),
      })
    },
    endAll() {
      isStopping = true
      for (const end of ends) end()
    },
  }
}

import { unavailable } from '@jan/service-kit/errors'

/** Frames that nobody fetched, after which a client is taken for gone. */
const MOST_WAITING = 1000
/** Proxies and clients wait for a head; the head goes out with the first bytes. */
const OPENING: Uint8Array = Buffer.from(': open\n\n')

export type Frames = { send(frame: string | Uint8Array): void; end(): void }

/** One message as an event. */
export const frameOf = (data: string, event = 'message'): string => `event: ${event}\ndata: ${data}\n\n`

/** The streams that this replica holds open: each is a connection. */
export type EventStreams = {
  /**
   * A stream that others write into, for as long as its reader stays.
   * @param start is told where to write, and says what is to be done when the stream has ended, whoever ended it
   * @throws AppError `unavailable` when there are too many, or this replica stops
   */
  open(signal: AbortSignal, start: (frames: Frames) => () => void): ReadableStream<Uint8Array>
  /** Ends them all, for good: their clients come back, to another replica. */
  endAll(): void
}

export function createEventStreams(most: number): EventStreams {
  const ends = new Set<() => void>()
  let isStopping = false
  return {
    open(signal, start) {
      if (isStopping || ends.size >= most) throw unavailable('This server cannot hold another stream')
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
            ends.delete(end)
            signal.removeEventListener('abort', end)
            finish()
          }
          ends.add(end)
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

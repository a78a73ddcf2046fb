import { AppError } from '@jan/service-kit/errors'

/** Longest single event, in bytes: room for a generated image, not for a provider that never ends a line. */
const LONGEST_EVENT = 33_554_432

/** The end of OpenAI's stream, after which nothing comes. */
const DONE = /(?:^|[\r\n])data: *\[DONE\]/
/** The answer was complete. Quotes inside JSON strings are escaped, so text cannot look like this. */
const FINISHED = /"finish_reason"\s*:\s*"/
/** The client has been told that it is not. */
const FAILED = /(?:^|[\r\n])(?:event: *error|data: *\{\s*"error"\s*:)/

export type EventSplitter = {
  /** @returns the events that are whole now, if any. @throws AppError `upstream_failed` when one is too long */
  take(chunk: Buffer): Buffer | undefined
  /** `[DONE]` has come: nothing after it matters, even when the provider leaves the connection open. */
  isDone(): boolean
  /** What is missing when the provider has ended. @throws AppError `upstream_failed` when the answer was not complete */
  end(): Buffer | undefined
  /** With `holdsEnd`, the end mark, which neither of the others has given. */
  heldEnd(): Buffer
}

/**
 * Gives back the same bytes, in pieces that end where an event ends, so that what comes after a break stands on a line
 * of its own and a reader never sees half an event.
 */
export function createEventSplitter({ holdsEnd = false } = {}): EventSplitter {
  let held: Buffer | undefined
  let heldEnd: Buffer = NOTHING
  let isFinished = false
  let isFailed = false
  let isDone = false

  const watch = (events: Buffer) => {
    const text = events.toString('latin1')
    // Looking for a plain word first: almost every event has none of them.
    if (!isFinished) isFinished = FINISHED.test(text)
    if (!isFailed && text.includes('error')) isFailed = FAILED.test(text)
    if (!text.includes('[DONE]')) return events
    const mark = DONE.exec(text)
    isDone = mark !== null
    return mark && holdsEnd ? hold(events, text.indexOf('data', mark.index)) : events
  }
  const hold = (events: Buffer, from: number) => {
    heldEnd = events.subarray(from)
    return events.subarray(0, from)
  }
  return {
    isDone: () => isDone,
    heldEnd: () => heldEnd,
    take: (chunk) => {
      const bytes = held ? Buffer.concat([held, chunk]) : chunk
      const end = endOfLastEvent(bytes, held?.length ?? 0)
      if (end === 0) {
        held = bytes
        if (held.length > LONGEST_EVENT)
          throw new AppError('upstream_failed', 'The model provider sent an event that is too long')
        return undefined
      }
      held = end === bytes.length ? undefined : bytes.subarray(end)
      return watch(end === bytes.length ? bytes : bytes.subarray(0, end))
    },
    end: () => {
      const rest = watch(held ?? NOTHING)
      if (!isFinished && !isFailed && !isDone)
        throw new AppError('upstream_failed', 'The model provider ended its answer too early')
      // Providers may leave out the last blank line, and the end mark: every whole answer ends alike.
      const mark = isFinished && !isFailed && !isDone ? `${rest.length > 0 ? '\n\n' : ''}${DONE_MARK}` : ''
      if (rest.length + mark.length === 0) return undefined
      const last = Buffer.concat([rest, Buffer.from(mark)])
      return mark && holdsEnd ? hold(last, last.length - DONE_MARK.length) : last
    },
  }
}

const NOTHING = Buffer.alloc(0)
const DONE_MARK = 'data: [DONE]\n\n'
const BLANK_LINES = ['\n\n', '\n\r\n', '\r\r']
const LF = 10

/** Where the last blank line ends, 0 without one. Bytes before `from` hold none, but may begin one. */
function endOfLastEvent(bytes: Buffer, from: number): number {
  if (bytes.at(-1) === LF && bytes.at(-2) === LF) return bytes.length
  const start = Math.max(0, from - 2)
  const recent = bytes.subarray(start)
  const ends = BLANK_LINES.map((blank) => {
    const at = recent.lastIndexOf(blank)
    return at < 0 ? 0 : start + at + blank.length
  })
  return Math.max(...ends)
}

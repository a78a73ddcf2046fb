import { AppError } from '@jan/service-kit/errors'
import { hasFailure } from './failure-in.ts'

/** Longest single event, in bytes: room for a generated image, not for a provider that never ends a line. */
const LONGEST_EVENT = 33_554_432

/** The end of OpenAI's stream, after which nothing comes. */
const DONE = /(?:^|[\r\n])data: *\[DONE\]/
/** The answer was complete. Quotes inside JSON strings are escaped, so text cannot look like this. */
const FINISHED = /"finish_reason"\s*:\s*"/

export type SplitterOptions = {
  /** The end mark is for who asks for it by `heldEnd`. */
  holdsEnd?: boolean
  /** Events of images and sounds, which know no end mark: they end with the answer. */
  isTyped?: boolean
}

export type EventSplitter = {
  /** @returns the events that are whole now, if any. @throws AppError `upstream_failed` when one is too long */
  take(chunk: Buffer): Buffer | undefined
  /** `[DONE]` has come: nothing after it matters, even when the provider leaves the connection open. */
  isDone(): boolean
  /** The provider itself has told that its answer failed: it is not whole, and no end mark follows. */
  isFailed(): boolean
  /** What is missing when the provider has ended. @throws AppError `upstream_failed` when the answer was not complete */
  end(): Buffer | undefined
  /** With `holdsEnd`, the end mark, which neither of the others has given. */
  heldEnd(): Buffer
}

/**
 * Gives back the same bytes, in pieces that end where an event ends, so that what comes after a break stands on a line
 * of its own and a reader never sees half an event.
 */
export function createEventSplitter({ holdsEnd = false, isTyped = false }: SplitterOptions = {}): EventSplitter {
  /** What has no blank line yet: in pieces, for a long line comes in very many. */
  let held: Buffer[] = []
  let heldBytes = 0
  let heldEnd: Buffer = NOTHING
  let isFinished = false
  let isFailed = false
  let isDone = false

  const watch = (events: Buffer) => {
    const text = events.toString('latin1')
    // Looking for a plain word first: almost every event has none of them.
    if (!isFinished) isFinished = FINISHED.test(text)
    if (!isFailed) isFailed = hasFailure(text)
    const mark = text.includes('[DONE]') ? DONE.exec(text) : null
    if (!mark) return events
    isDone = true
    const [from, end] = [text.indexOf('data', mark.index), endOfEvent(text, mark.index + mark[0].length)]
    if (isFailed) return events.subarray(0, from)
    return holdsEnd ? hold(events.subarray(0, end), from) : events.subarray(0, end)
  }
  const hold = (events: Buffer, from: number) => {
    heldEnd = events.subarray(from)
    return events.subarray(0, from)
  }
  const release = (rest: Buffer) => {
    const whole = held.length === 0 ? rest : Buffer.concat([...held, rest])
    held = []
    heldBytes = 0
    return whole
  }
  const keep = (bytes: Buffer) => {
    if (bytes.length === 0) return
    held.push(bytes)
    heldBytes += bytes.length
    if (heldBytes > LONGEST_EVENT)
      throw new AppError('upstream_failed', 'The model provider sent an event that is too long')
  }
  return {
    isDone: () => isDone,
    isFailed: () => isFailed,
    heldEnd: () => heldEnd,
    take: (chunk) => {
      const before = lastTwo(held)
      const recent = before.length === 0 ? chunk : Buffer.concat([before, chunk])
      const end = endOfLastEvent(recent) - before.length
      if (end <= 0) {
        keep(chunk)
        return undefined
      }
      const events = release(end === chunk.length ? chunk : chunk.subarray(0, end))
      keep(chunk.subarray(end))
      return watch(events)
    },
    end: () => {
      const rest = watch(release(NOTHING))
      if (!isFinished && !isFailed && !isDone && !isTyped)
        throw new AppError('upstream_failed', 'The model provider ended its answer too early')
      // Providers may leave out the last blank line, and the end mark: every whole answer ends alike.
      const mark = isFinished && !isFailed && !isDone && !isTyped ? `${rest.length > 0 ? '\n\n' : ''}${DONE_MARK}` : ''
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

/** Where the last blank line ends, 0 without one. */
function endOfLastEvent(bytes: Buffer): number {
  if (bytes.at(-1) === LF && bytes.at(-2) === LF) return bytes.length
  const ends = BLANK_LINES.map((blank) => {
    const at = bytes.lastIndexOf(blank)
    return at < 0 ? 0 : at + blank.length
  })
  return Math.max(...ends)
}

/** Where the first blank line behind `from` ends; the end of it all without one. */
function endOfEvent(text: string, from: number): number {
  const ends = BLANK_LINES.flatMap((blank) => {
    const at = text.indexOf(blank, from)
    return at < 0 ? [] : [at + blank.length]
  })
  return Math.min(text.length, ...ends)
}

/** The most of a blank line that may stand before its last byte. */
function lastTwo(pieces: Buffer[]): Buffer {
  const last = pieces.at(-1)
  if (!last) return NOTHING
  return last.length > 1 || pieces.length === 1 ? last.subarray(-2) : Buffer.concat(pieces.slice(-2)).subarray(-2)
}

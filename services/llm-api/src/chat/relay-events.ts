import { AppError } from '@jan/service-kit/errors'

/** Longest single event, in bytes: room for a generated image, not for a provider that never ends a line. */
const LONGEST_EVENT = 33_554_432

/** The end of OpenAI's stream, after which nothing comes. */
const DONE = /(?:^|[\r\n])data: *\[DONE\]/
/** The answer was complete. Quotes inside JSON strings are escaped, so text cannot look like this. */
const FINISHED = /"finish_reason"\s*:\s*"/
/** The client has been told that it is not. */
const FAILED = /(?:^|[\r\n])(?:event: *error|data: *\{\s*"error"\s*:)/

/**
 * The same bytes, in pieces that end where an event ends, so that what comes after a break stands on a line of its own
 * and a reader never sees half an event. Ends after `[DONE]`, even when the provider leaves the connection open.
 * @throws AppError `upstream_failed` when the stream ends before the answer does
 */
export async function* relayEvents(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0)
  let isFinished = false
  let isFailed = false
  for await (const chunk of chunks) {
    const before = held.length
    held = before === 0 ? chunk : Buffer.concat([held, chunk])
    const end = endOfLastEvent(held, before)
    if (end === 0) {
      if (held.length > LONGEST_EVENT)
        throw new AppError('upstream_failed', 'The model provider sent an event that is too long')
      continue
    }
    const whole = held.subarray(0, end)
    held = held.subarray(end)
    const text = whole.toString('latin1')
    isFinished ||= FINISHED.test(text)
    isFailed ||= FAILED.test(text)
    yield whole
    if (DONE.test(text)) return
  }
  const rest = held.toString('latin1')
  const isDone = DONE.test(rest)
  isFinished ||= FINISHED.test(rest)
  isFailed ||= FAILED.test(rest)
  if (!isFinished && !isFailed && !isDone)
    throw new AppError('upstream_failed', 'The model provider ended its answer too early')
  if (held.length > 0) yield held
  // Providers may leave out the last blank line, and the end mark: every whole answer ends alike.
  if (isFinished && !isFailed && !isDone) yield Buffer.from(`${held.length > 0 ? '\n\n' : ''}data: [DONE]\n\n`)
}

const BLANK_LINES = ['\n\n', '\n\r\n', '\r\r']

/** Where the last blank line ends, 0 without one. Bytes before `from` hold none, but may begin one. */
function endOfLastEvent(bytes: Buffer, from: number): number {
  const start = Math.max(0, from - 2)
  const recent = bytes.subarray(start)
  const ends = BLANK_LINES.map((blank) => {
    const at = recent.lastIndexOf(blank)
    return at < 0 ? 0 : start + at + blank.length
  })
  return Math.max(...ends)
}

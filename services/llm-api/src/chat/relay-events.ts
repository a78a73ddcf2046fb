import { AppError } from '@jan/service-kit/errors'

/** Longest single event, in bytes: room for a generated image, not for a provider that never ends a line. */
const LONGEST_EVENT = 33_554_432

/** The end of OpenAI's stream, after which nothing comes. */
const DONE = /(?:^|[\r\n])data: *\[DONE\]/
/** The answer was complete, or the client has been told that it is not. Quotes inside JSON strings are escaped, so text cannot look like this. */
const SETTLED = /"finish_reason"\s*:\s*"|(?:^|[\r\n])(?:event: *error|data: *\{\s*"error"\s*:)/

/**
 * The same bytes, in pieces that end where an event ends, so that what comes after a break stands on a line of its own
 * and a reader never sees half an event. Ends after `[DONE]`, even when the provider leaves the connection open.
 * @throws AppError `upstream_failed` when the stream ends before the answer does
 */
export async function* relayEvents(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0)
  let isSettled = false
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
    isSettled ||= SETTLED.test(text)
    yield whole
    if (DONE.test(text)) return
  }
  const rest = held.toString('latin1')
  if (!isSettled && !DONE.test(rest) && !SETTLED.test(rest))
    throw new AppError('upstream_failed', 'The model provider ended its answer too early')
  // Providers may leave out the last blank line.
  if (held.length > 0) yield held
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

import { exactBytes } from './exact-bytes.ts'
import type { Content } from './object-storage.ts'
import type { PartBuffers } from './part-buffers.ts'

/** Only the last one is shorter than the others; of nothing it is empty. Its bytes are good until the next is asked for. */
export type Part = { bytes: Buffer; isLast: boolean }

const FIRST_BYTES = 64 * 1024
/** What an upload holds without asking. */
const SMALL_BYTES = 256 * 1024

/**
 * Content in parts: of what is in memory anyway `wholeBytes` at a time, of a stream what a buffer takes, always in the
 * same place. A stream that grows beyond a small beginning waits for a buffer, and meanwhile nothing is read from it. It
 * keeps the buffer from part to part unless others wait, too.
 */
export const inParts = (
  content: Content,
  wholeBytes: number,
  buffers: PartBuffers,
): Iterable<Part> | AsyncIterable<Part> =>
  Buffer.isBuffer(content) ? partsOfBuffer(content, wholeBytes) : partsOfStream(content, buffers)

function* partsOfBuffer(content: Buffer, partBytes: number): Generator<Part> {
  let start = 0
  for (; start + partBytes < content.length; start += partBytes)
    yield { bytes: content.subarray(start, start + partBytes), isLast: false }
  yield { bytes: content.subarray(start), isLast: true }
}

async function* partsOfStream(content: Exclude<Content, Buffer>, buffers: PartBuffers): AsyncGenerator<Part> {
  const first = () => Buffer.allocUnsafeSlow(Math.min(content.length ?? FIRST_BYTES, FIRST_BYTES))
  let part: Buffer = first()
  let large: Buffer | undefined
  let filled = 0
  // Whether nobody reads from the buffer any more.
  let isSent = true
  const leave = () => {
    if (large) buffers.giveBack(isSent ? large : undefined)
    large = undefined
  }
  try {
    for await (const chunk of exactBytes(content))
      for (let taken = 0; taken < chunk.byteLength; ) {
        // Only now it is known that this part is not the last one.
        if (filled === buffers.bytes) {
          isSent = false
          yield { bytes: part, isLast: false }
          isSent = true
          filled = 0
          if (buffers.isWaitedFor) {
            leave()
            part = first()
          }
        }
        const rest = chunk.subarray(taken, taken + buffers.bytes - filled)
        const needed = filled + rest.byteLength
        if (needed > part.length) {
          if (needed > SMALL_BYTES) large = await buffers.take()
          const larger = large ?? Buffer.allocUnsafeSlow(Math.min(Math.max(part.length * 2, needed), SMALL_BYTES))
          part.copy(larger, 0, 0, filled)
          part = larger
        }
        part.set(rest, filled)
        filled = needed
        taken += rest.byteLength
      }
    isSent = false
    yield { bytes: part.subarray(0, filled), isLast: true }
    isSent = true
  } finally {
    leave()
  }
}

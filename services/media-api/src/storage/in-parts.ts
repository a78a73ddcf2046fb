import { exactBytes } from './exact-bytes.ts'
import type { Content } from './object-storage.ts'

/** Only the last one is shorter than the others; of nothing it is empty. Its bytes are good until the next is asked for. */
export type Part = { bytes: Buffer; isLast: boolean }

const FIRST_BYTES = 64 * 1024

/** Content in parts of so many bytes. Of a stream one part is in memory at a time, always in the same place. */
export const inParts = (content: Content, partBytes: number): Iterable<Part> | AsyncIterable<Part> =>
  Buffer.isBuffer(content)
    ? partsOfBuffer(content, partBytes)
    : partsOfStream(exactBytes(content), { partBytes, length: content.length })

function* partsOfBuffer(content: Buffer, partBytes: number): Generator<Part> {
  let start = 0
  for (; start + partBytes < content.length; start += partBytes)
    yield { bytes: content.subarray(start, start + partBytes), isLast: false }
  yield { bytes: content.subarray(start), isLast: true }
}

type Sizes = { partBytes: number; length: number | undefined }

async function* partsOfStream(
  stream: AsyncIterable<Uint8Array>,
  { partBytes, length = FIRST_BYTES }: Sizes,
): AsyncGenerator<Part> {
  let part: Buffer = Buffer.allocUnsafeSlow(Math.min(length, partBytes))
  let filled = 0
  for await (const chunk of stream)
    for (let taken = 0; taken < chunk.byteLength; ) {
      // Only now it is known that this part is not the last one.
      if (filled === partBytes) {
        yield { bytes: part, isLast: false }
        filled = 0
      }
      const rest = chunk.subarray(taken, taken + partBytes - filled)
      if (filled + rest.byteLength > part.length) part = grown(part, filled + rest.byteLength, partBytes)
      part.set(rest, filled)
      filled += rest.byteLength
      taken += rest.byteLength
    }
  yield { bytes: part.subarray(0, filled), isLast: true }
}

/** Twice as large, or as large as is needed, and never more than a part. */
function grown(part: Buffer, needed: number, partBytes: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.min(Math.max(part.length * 2, needed), partBytes))
  part.copy(larger)
  return larger
}

import { isUtf8 } from 'node:buffer'

export type Utf8Judge = {
  push(chunk: Uint8Array): void
  /** Whether all bytes so far can be the beginning of a text: valid UTF-8 and no NUL. */
  readonly isText: boolean
  /** The same of the whole: no character is cut off at its end. */
  end(): boolean
}

/** Judges a stream of any length and keeps at most the three bytes of an unfinished character. */
export function createUtf8Judge(): Utf8Judge {
  let isText = true
  let unfinished: Buffer = Buffer.alloc(0)
  return {
    push(chunk) {
      if (!isText) return
      const bytes: Uint8Array = unfinished.length > 0 ? Buffer.concat([unfinished, chunk]) : chunk
      const end = bytes.length - unfinishedLength(bytes)
      isText = isUtf8(bytes.subarray(0, end)) && !chunk.includes(0)
      unfinished = Buffer.from(bytes.subarray(end))
    },
    get isText() {
      return isText
    },
    end: () => isText && unfinished.length === 0,
  }
}

/** How many bytes at the end begin a character that needs more of them. */
export function unfinishedLength(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return back < lengthOf(byte) ? back : 0
  }
  return 0
}

const lengthOf = (lead: number) => (lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2)

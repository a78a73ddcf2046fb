/** Keys of a chunk whose text is what the model wrote: chat, reasoning of several vendors, tool calls, legacy completions. */
const WRITTEN = [
  '"content":"',
  '"name":"',
  '"reasoning_content":"',
  '"reasoning":"',
  '"arguments":"',
  '"text":"',
  '"refusal":"',
]

/**
 * Characters that a model wrote in these events, without parsing them: for an estimate when no usage comes.
 * @param events as latin1: bytes, which are counted as the UTF-16 units that they stand for
 */
export function textLength(events: string): number {
  let length = 0
  for (const key of WRITTEN)
    for (let at = events.indexOf(key); at >= 0; at = events.indexOf(key, at)) {
      at += key.length
      const end = endOfString(events, at)
      length += charactersIn(events, at, end)
      at = end
    }
  return length
}

const [QUOTE, BACKSLASH, LETTER_U, FOUR_BYTES] = [0x22, 0x5c, 0x75, 0xf0]

function endOfString(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) return at
    if (code === BACKSLASH) at += 1
  }
  return text.length
}

/** An escape is one character, and the bytes of UTF-8 that continue one are none. */
function charactersIn(text: string, from: number, end: number): number {
  let count = 0
  for (let at = from; at < end; at += 1) {
    const code = text.charCodeAt(at)
    if (code === BACKSLASH) at += text.charCodeAt(at + 1) === LETTER_U ? 5 : 1
    if ((code & 0xc0) !== 0x80) count += code >= FOUR_BYTES ? 2 : 1
  }
  return count
}

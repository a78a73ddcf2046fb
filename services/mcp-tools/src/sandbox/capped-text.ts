/** Text that grows to at most `maxBytes` of UTF-8, cut between characters. */
export function createCappedText(maxBytes: number) {
  const parts: string[] = []
  let left = maxBytes
  let truncated = false
  return {
    add(text: string): void {
      const part = truncated ? '' : cutToBytes(text, left)
      truncated ||= part.length < text.length
      left -= Buffer.byteLength(part)
      parts.push(part)
    },
    text: () => parts.join(''),
    truncated: () => truncated,
  }
}

function cutToBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= maxBytes) return text
  let end = maxBytes
  // Bytes 10xxxxxx continue a character.
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end)
}

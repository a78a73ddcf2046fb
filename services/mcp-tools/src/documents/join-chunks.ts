import type { Chunk } from './document.ts'

/** A text out of its pieces, in their order. What was only blank between two of them is a line's end. */
export function joinChunks(chunks: readonly Chunk[]): string {
  let text = ''
  for (const { start, text: piece } of chunks) {
    if (start > text.length) text = text.padEnd(start, '\n')
    text += piece.slice(text.length - start)
  }
  return text
}

import type { Chunk } from './document.ts'

/** In UTF-16 units; the overlap is at most half the size. */
export type Chunking = { size: number; overlap: number }

/** Best ends first: of a paragraph, a line, a sentence in any script, a word. */
const ENDS = [/\n\s*\n\s*/g, /\n\s*/g, /[.!?…]["”’)\]]*\s+|[。！？｡។။।]/g, /\s+/g]

const MOST_MARKS = 16

/** A text in pieces that end where something ends, if there is such a place in their last third. Together they are the whole text. */
export function chunkText(text: string, { size, overlap }: Chunking): Chunk[] {
  const chunks: Chunk[] = []
  for (let start = 0; start < text.length; ) {
    const last = Math.max(endOf(text, start + Math.ceil((size * 2) / 3), start + size), after(text, start))
    const end = start + size >= text.length ? text.length : last
    const piece = text.slice(start, end)
    if (piece.trim() !== '') chunks.push({ start, text: piece })
    if (end === text.length) break
    start = Math.max(startOf(text, end - overlap, end), after(text, start))
  }
  return chunks
}

/** After the last good end between the two. */
function endOf(text: string, from: number, to: number): number {
  const part = text.slice(from, to)
  for (const end of ENDS) {
    const last = [...part.matchAll(end)].at(-1)
    if (last && last.index + last[0].length > 0) return whole(text, from + last.index + last[0].length)
  }
  return whole(text, to)
}

/** At the first word from here on; what overlaps need not be exact. */
function startOf(text: string, from: number, end: number): number {
  const space = text.slice(from, end).search(/\s\S/)
  return whole(text, space === -1 ? from : from + space + 1)
}

/** Never between the halves of a character, nor before what is written on it, if that is not absurdly much. */
function whole(text: string, at: number): number {
  let start = at
  while (start > at - MOST_MARKS && /^[\p{M}\u200d]/u.test(text.slice(start, start + 2))) start--
  return isInside(text, start) ? start - 1 : start
}

/** The place after the next character, at the earliest. */
const after = (text: string, at: number): number => (isInside(text, at + 1) ? at + 2 : at + 1)

const isInside = (text: string, at: number) =>
  /[\udc00-\udfff]/.test(text[at] ?? '') && /[\ud800-\udbff]/.test(text[at - 1] ?? '')

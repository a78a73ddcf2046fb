import { codePoints } from './plain-text.ts'
import { messageText } from './text-of.ts'

const LONGEST = 60
/** More than 60 characters can be made of, and little enough to be cut up. */
const LOOKED_AT = 1000

const words = new Intl.Segmenter(undefined, { granularity: 'word' })
const characters = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/**
 * The first 60 characters (code points) of a text, on one line, cut between words. A word that is longer alone is cut
 * between what people take for characters: no emoji and no accent is torn. Undefined when there is nothing to read.
 */
export function titleOf(text: string): string | undefined {
  const line = text
    .trimStart()
    .slice(0, LOOKED_AT)
    .toWellFormed()
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
  const title = fitted(words.segment(line)) ?? fitted(characters.segment(line)) ?? [...line].slice(0, LONGEST).join('')
  return title || undefined
}

/** Of the first user message with text; see `titleOf`. */
export function titleOfItems(items: Record<string, unknown>[]): string | undefined {
  for (const item of items) {
    const title = item.role === 'user' ? titleOf(messageText(item)) : undefined
    if (title) return title
  }
  return undefined
}

/** As many pieces as fit; undefined when not even the first does. */
function fitted(pieces: Iterable<{ segment: string }>): string | undefined {
  let title: string | undefined
  let length = 0
  for (const { segment } of pieces) {
    length += codePoints(segment)
    if (length > LONGEST) break
    title = (title ?? '') + segment
  }
  return title?.trim()
}

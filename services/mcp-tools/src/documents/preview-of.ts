import { wordsIn } from './words-in.ts'

const LONGEST = 240
/** What is shown before the first of the words. */
const BEFORE = 40

/**
 * The part of a text that has most of the words that were looked for, and where it begins. `asked` is each word in all
 * its forms, stems too: it is the start of the text when none is there.
 */
export function previewOf(text: string, asked: string[][]): { preview: string; at: number } {
  if (text.length <= LONGEST) return { preview: text, at: 0 }
  const places = placesOf(text, asked)
  let best = { at: 0, words: 0 }
  for (const { at } of places) {
    const inside = places.filter((place) => place.at >= at && place.at < at + LONGEST - BEFORE)
    const words = new Set(inside.map(({ nth }) => nth)).size
    if (words > best.words) best = { at, words }
  }
  const at = startBefore(text, best.at)
  return { preview: text.slice(at, endAfter(text, at + LONGEST)), at }
}

/** Where each of the words stands. */
function placesOf(text: string, asked: string[][]): { at: number; nth: number }[] {
  const places: { at: number; nth: number }[] = []
  for (const { word, at, dictionary } of wordsIn(text))
    for (const [nth, forms] of asked.entries())
      for (const form of forms) {
        const inside = dictionary === undefined ? word.indexOf(form) : isFormOf(word, form) ? 0 : -1
        if (inside >= 0) places.push({ at: at + inside, nth })
      }
  return places
}

/** A stem may end otherwise than its words: `happi` and happy. */
const isFormOf = (word: string, form: string) =>
  word === form || (form.length > 2 && word.startsWith(form.length > 4 ? form.slice(0, -1) : form))

function startBefore(text: string, hit: number): number {
  if (hit <= BEFORE) return 0
  const space = text.slice(hit - BEFORE, hit).search(/\s\S/)
  return whole(text, space === -1 ? hit - BEFORE : hit - BEFORE + space + 1)
}

function endAfter(text: string, end: number): number {
  if (end >= text.length) return text.length
  const space = text.slice(end - 30, end).search(/\s\S*$/)
  return whole(text, space === -1 ? end : end - 30 + space)
}

/** Never between the halves of a character. */
const whole = (text: string, at: number) => (/[\udc00-\udfff]/.test(text[at] ?? '') ? at - 1 : at)

import { wordsIn } from './words-in.ts'

const LONGEST = 240
/** What is shown before the first of the words. */
const BEFORE = 40
/** More are not looked at: the first few hundred tell as much. */
const MOST_PLACES = 500

/**
 * The part of a text that has most of the words that were looked for, and where it begins. `asked` is each word in all
 * its forms, stems too: it is the start of the text when none is there.
 */
export function previewOf(text: string, asked: string[][]): { preview: string; at: number } {
  if (text.length <= LONGEST) return { preview: text, at: 0 }
  const at = startBefore(text, densest(placesOf(text, asked)))
  return { preview: text.slice(at, endAfter(text, at + LONGEST)), at }
}

type Place = { at: number; nth: number }

/** Where each of the words stands, the first of them, in the order of the text. */
function placesOf(text: string, asked: string[][]): Place[] {
  const places: Place[] = []
  const terms = asked.map((forms) => forms.map((form) => ({ form, start: startOf(form) })))
  const known = new Map<string, number[]>()
  for (const { word, at, dictionary } of wordsIn(text)) {
    if (places.length >= MOST_PLACES) break
    if (dictionary === undefined) {
      places.push(...placesInRun(word, asked).map((place) => ({ ...place, at: at + place.at })))
      continue
    }
    const fitting = known.get(word) ?? [...terms.keys()].filter((nth) => terms[nth]!.some((form) => isOf(word, form)))
    known.set(word, fitting)
    places.push(...fitting.map((nth) => ({ at, nth })))
  }
  return places.sort((one, other) => one.at - other.at)
}

/** In a run without spaces each word counts once, where the first of its forms is. */
const placesInRun = (run: string, asked: string[][]): Place[] =>
  asked.flatMap((forms, nth) => {
    const at = forms.map((form) => run.indexOf(form)).find((place) => place >= 0)
    return at === undefined ? [] : [{ at, nth }]
  })

/** Where the part begins that has the most different words. */
function densest(places: Place[]): number {
  const inside = new Map<number, number>()
  const add = (nth: number, more: number) => {
    const count = (inside.get(nth) ?? 0) + more
    if (count > 0) inside.set(nth, count)
    else inside.delete(nth)
  }
  let best = { at: 0, words: 0 }
  let end = 0
  for (const { at, nth } of places) {
    for (; end < places.length && places[end]!.at < at + LONGEST - BEFORE; end++) add(places[end]!.nth, 1)
    if (inside.size > best.words) best = { at, words: inside.size }
    add(nth, -1)
  }
  return best.at
}

/** A stem may end otherwise than its words: `happi` and happy. Short ones have no other endings. */
const startOf = (form: string) => (form.length > 4 ? form.slice(0, -1) : form)

const isOf = (word: string, { form, start }: { form: string; start: string }) =>
  word === form || (form.length > 2 && word.startsWith(start))

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

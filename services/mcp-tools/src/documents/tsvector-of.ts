import { dictionaryOf, LATIN, latinOf } from './dictionaries.ts'
import type { Form } from './word-forms.store.ts'
import { markOf, quoted } from './word-marks.ts'
import { pairsOf, type Word, wordsIn } from './words-in.ts'

/** PostgreSQL keeps no more places of one lexeme. */
const MOST_PLACES = 255
const LAST_PLACE = 16_383

type FormOf = (asked: { word: string; dictionary: string }) => Form

/** A word, and whose endings it has in a text of this language. */
export const askedOf = ({ word, dictionary }: Word, language: string) => ({
  word,
  dictionary: dictionary === LATIN ? latinOf(language) : (dictionary ?? dictionaryOf(word)),
})

/** What the index keeps of a piece, small words too: somebody may look for The Who. */
export function tsvectorOf(workspaceId: string, text: string, language: string, formOf: FormOf): string {
  const mark = markOf(workspaceId)
  const places = new Map<string, number[]>()
  let place = 0
  for (const word of wordsIn(text)) {
    const lexemes = word.dictionary === undefined ? pairsOf(word.word) : [formOf(askedOf(word, language)).form]
    for (const lexeme of lexemes) {
      place = Math.min(place + 1, LAST_PLACE)
      const known = places.get(lexeme)
      if (known === undefined) places.set(lexeme, [place])
      else if (known.length < MOST_PLACES) known.push(place)
    }
  }
  return [...places].map(([lexeme, at]) => `${quoted(mark + lexeme)}:${at.join(',')}`).join(' ')
}

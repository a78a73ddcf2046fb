import { dictionaryOf } from './dictionaries.ts'

/** Letters, digits and what is written on them; joiners inside a word, as Persian and Hindi have them; or one emoji. */
const WORD = /[\p{L}\p{N}\p{M}\u200c\u200d]+|\p{Extended_Pictographic}/gu
/** Scripts that put no spaces between words, and Korean, which puts none between a word and its particle. */
const UNSPACED =
  /([\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Hangul}ー]+)/u
/** Longer ones are no words; a lexeme of PostgreSQL may have 2,046 bytes. */
const LONGEST = 64

export type Word = {
  /** As it is compared: without case, width, joiners and form. */
  word: string
  /** Where it stands, in UTF-16 units. */
  at: number
  length: number
  /** What takes its ending off; undefined for a run of a script without spaces, which is compared by pairs. */
  dictionary: string | undefined
}

export function* wordsIn(text: string): Generator<Word> {
  for (const match of text.matchAll(WORD)) {
    let at = match.index
    for (const part of match[0].split(UNSPACED)) {
      const isRun = UNSPACED.test(part)
      const word = plain(part)
      if (word !== '')
        yield {
          word: isRun ? word : cut(word),
          at,
          length: part.length,
          dictionary: isRun ? undefined : dictionaryOf(word),
        }
      at += part.length
    }
  }
}

const plain = (part: string) =>
  part
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\u200c\u200d]/g, '')

const cut = (word: string) => (word.length > LONGEST ? word.slice(0, LONGEST).toWellFormed() : word)

/** Neighbours of a run, the last letter alone: any part of the run is found by its own pairs. */
export function pairsOf(run: string): string[] {
  const letters = [...run]
  return letters.map((letter, index) => letter + (letters[index + 1] ?? ''))
}

const segmenter = new Intl.Segmenter(undefined, { granularity: 'word' })

/** The words of a run, as far as a dictionary knows. */
export const segmentsOf = (run: string): string[] => [...segmenter.segment(run)].map(({ segment }) => segment)

/** Of scripts without spaces, the letters. */
export function countWords(text: string): number {
  let count = 0
  for (const { word, dictionary } of wordsIn(text)) count += dictionary === undefined ? [...word].length : 1
  return count
}

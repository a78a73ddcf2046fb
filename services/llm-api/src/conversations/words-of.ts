import { hash } from 'node:crypto'

/** Letters, digits and what is written on them; joiners inside a word, as Persian and Hindi have them; or one emoji. */
const WORD = /[\p{L}\p{N}\p{M}\u200c\u200d]+|\p{Extended_Pictographic}/gu
/** Scripts that put no spaces between words. */
const UNSPACED =
  /([\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー]+)/u
/** A lexeme of PostgreSQL may have 2,046 bytes. */
const LONGEST = 200

/** A word and where it stands in the text, in UTF-16 units. Of scripts without spaces, the whole run. */
export type Word = { word: string; at: number }

/** The words of a text as they are compared: without case, width, joiners and, other than marks that make letters, form. */
export function* wordsIn(text: string): Generator<Word> {
  for (const match of text.matchAll(WORD)) {
    let at = match.index
    for (const part of match[0].split(UNSPACED)) {
      const word = plain(part)
      if (word !== '') yield { word: word.slice(0, LONGEST).toWellFormed(), at }
      at += part.length
    }
  }
}

export const isUnspaced = (word: string): boolean => UNSPACED.test(word)

const plain = (part: string) =>
  part
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\u200c\u200d]/g, '')

/** Pairs of neighbours, the last one alone: any part of the run is then found by its own pairs, each a beginning of these. */
const pairsOf = (run: string): string[] => {
  const letters = [...run]
  return letters.map((letter, index) => letter + (letters[index + 1] ?? ''))
}

/**
 * Marks the words of a workspace. One index serves all, and a look-up touches only what begins with the mark, so that
 * nobody's search grows with what others wrote.
 */
const markOf = (workspaceId: string) => hash('sha256', workspaceId, 'base64url').slice(0, 8)

/** What the index keeps of a text. */
export function lexemesOf(workspaceId: string, text: string): string[] {
  const mark = markOf(workspaceId)
  const lexemes = new Set<string>()
  for (const { word } of wordsIn(text))
    for (const each of isUnspaced(word) ? pairsOf(word) : [word]) lexemes.add(mark + each)
  return [...lexemes]
}

/** Most words of a question that are looked for. */
const MOST = 16

/** A `tsquery` that finds texts with words that begin like all of these; undefined when there is no word. */
export function tsqueryOf(workspaceId: string, words: Word[]): string | undefined {
  const mark = markOf(workspaceId)
  const looked = words.slice(0, MOST).flatMap(({ word }) => {
    if (!isUnspaced(word)) return [word]
    const pairs = pairsOf(word)
    return pairs.length > 1 ? pairs.slice(0, -1) : pairs
  })
  if (looked.length === 0) return undefined
  return looked.map((word) => `'${(mark + word).replace(/['\\]/g, '$&$&')}':*`).join(' & ')
}

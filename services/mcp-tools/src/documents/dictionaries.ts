/** Written in Latin letters: which of them a text is in, its small words tell. Names as of PostgreSQL's full-text search. */
export const LATIN_LANGUAGES = [
  'english',
  'german',
  'french',
  'spanish',
  'italian',
  'portuguese',
  'dutch',
  'danish',
  'norwegian',
  'swedish',
  'finnish',
  'hungarian',
  'turkish',
]

/** Of words in Latin letters; the text says which language. */
export const LATIN = 'latin'
/** No endings are taken off. */
export const SIMPLE = 'simple'
/** Where nothing tells. */
const USUAL = 'english'

const BY_SCRIPT: [RegExp, string][] = [
  [/\p{Script=Latin}/u, LATIN],
  [/\p{Script=Cyrillic}/u, 'russian'],
  [/\p{Script=Arabic}/u, 'arabic'],
  [/\p{Script=Greek}/u, 'greek'],
  [/\p{Script=Devanagari}/u, 'hindi'],
  [/\p{Script=Armenian}/u, 'armenian'],
  [/\p{Script=Tamil}/u, 'tamil'],
]

/** By the script of a word. */
export const dictionaryOf = (word: string): string => BY_SCRIPT.find(([script]) => script.test(word))?.[1] ?? SIMPLE

/** Whose endings the Latin words have in a text of this language. */
export const latinOf = (language: string): string => (LATIN_LANGUAGES.includes(language) ? language : USUAL)

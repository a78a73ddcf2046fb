import type { connectPostgres } from '@jan/service-kit/postgres'
import { LATIN, latinOf } from './dictionaries.ts'
import { readForms } from './word-forms.store.ts'
import { markOf, quoted } from './word-marks.ts'
import { pairsOf, segmentsOf, type Word, wordsIn } from './words-in.ts'

type Pool = Pick<ReturnType<typeof connectPostgres>, 'query'>

/** Something that is looked for. */
export type Term = {
  /** Of PostgreSQL, marked. */
  tsquery: string
  /** In how many forms it is looked for although a text has one: what their rank is multiplied by. */
  forms: number
  /** It says nothing by itself. */
  stop: boolean
  /** As it may stand in a text. */
  shown: string[]
}

/** Most words of a question that are looked for. */
const MOST = 24

/** The words of a question: those with spaces in the form that each language of the workspace's documents gives them. */
export async function readTerms(
  pool: Pool,
  workspaceId: string,
  { query, languages }: { query: string; languages: string[] },
): Promise<Term[]> {
  const mark = markOf(workspaceId)
  const words = [...wordsIn(query)].slice(0, 4 * MOST)
  const latin = [...new Set([...languages, ''].map(latinOf))]
  const asked = ({ word, dictionary = '' }: Word) =>
    (dictionary === LATIN ? latin : [dictionary]).map((each) => ({ word, dictionary: each }))
  const formOf = await readForms(pool, words.filter(({ dictionary }) => dictionary !== undefined).flatMap(asked))
  const terms = new Map<string, Term>()
  for (const word of words) {
    const found =
      word.dictionary === undefined ? segmentsOf(word.word).map((each) => termOfRun(each, mark)) : [spaced(word)]
    for (const term of found) terms.set(term.tsquery, term)
  }
  const all = [...terms.values()].slice(0, MOST)
  return all.some(({ stop }) => !stop) ? all.filter(({ stop }) => !stop) : all

  function spaced(word: Word): Term {
    const forms = asked(word).map(formOf)
    const lexemes = [...new Set(forms.map(({ form }) => form))]
    return {
      tsquery: lexemes.map((lexeme) => quoted(mark + lexeme)).join(' | '),
      forms: lexemes.length,
      stop: forms.some(({ stop }) => stop),
      shown: [...new Set([word.word, ...lexemes])],
    }
  }
}

const KOREAN = /\p{Script=Hangul}/u
/** Particles of Japanese, mostly. */
const ONE_HIRAGANA = /^\p{Script=Hiragana}$/u

/** A word of a script without spaces: its pairs in their order. In Korean any of them, because its last may be of a particle. */
function termOfRun(segment: string, mark: string): Term {
  const pairs = pairsOf(segment)
  const shown = pairs.length > 1 ? pairs.slice(0, -1) : pairs
  const tsquery =
    pairs.length === 1
      ? `${quoted(mark + segment)}:*`
      : shown.map((pair) => quoted(mark + pair)).join(KOREAN.test(segment) ? ' | ' : ' <-> ')
  return { tsquery, forms: 1, stop: ONE_HIRAGANA.test(segment), shown: KOREAN.test(segment) ? shown : [segment] }
}

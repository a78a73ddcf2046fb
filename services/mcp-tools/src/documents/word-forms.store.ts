import type { connectPostgres } from '@jan/service-kit/postgres'
import { LATIN, LATIN_LANGUAGES, latinOf, SIMPLE } from './dictionaries.ts'
import type { Word } from './words-in.ts'

type Pool = Pick<ReturnType<typeof connectPostgres>, 'query'>
type Asked = { word: string; dictionary: string }

/** `stop` is a word that says nothing by itself, in that language. */
export type Form = { form: string; stop: boolean }

const keyOf = ({ word, dictionary }: Asked) => `${dictionary} ${word}`

/** Words without their endings, by PostgreSQL's own dictionaries. A word of no dictionary is its own form. */
export async function readForms(pool: Pool, asked: readonly Asked[]): Promise<(asked: Asked) => Form> {
  const wanted = new Map(asked.filter(({ dictionary }) => dictionary !== SIMPLE).map((each) => [keyOf(each), each]))
  const forms = new Map<string, Form>()
  if (wanted.size > 0) {
    const { rows } = await pool.query<Asked & { lexemes: string[] | null }>(
      `SELECT a.word, a.dictionary, ts_lexize((a.dictionary || '_stem')::regdictionary, a.word) AS lexemes
       FROM unnest($1::text[], $2::text[]) a(word, dictionary)`,
      [[...wanted.values()].map(({ word }) => word), [...wanted.values()].map(({ dictionary }) => dictionary)],
    )
    for (const { lexemes, ...row } of rows)
      forms.set(keyOf(row), { form: lexemes?.[0] ?? row.word, stop: lexemes?.length === 0 })
  }
  return (each) => forms.get(keyOf(each)) ?? { form: each.word, stop: false }
}

/** How much of a text tells its language. */
const READ = 400
/** As PostgreSQL's dictionaries count small words: below it, nothing is known. */
const ENOUGH = 0.1

/** The language of most words, by their script and, in Latin letters, by the small words that every language has its own of. */
export async function readLanguage(pool: Pool, words: Iterable<Word>): Promise<string> {
  const read: Word[] = []
  for (const word of words) if (read.push(word) === READ) break
  const counts = new Map<string, number>()
  for (const { dictionary = SIMPLE } of read) counts.set(dictionary, (counts.get(dictionary) ?? 0) + 1)
  const most = [...counts].sort(([, one], [, other]) => other - one)[0]?.[0] ?? SIMPLE
  if (most !== LATIN) return most
  const latin = [...new Set(read.filter(({ dictionary }) => dictionary === LATIN).map(({ word }) => word))]
  const pairs = LATIN_LANGUAGES.flatMap((dictionary) => latin.map((word) => ({ word, dictionary })))
  const formOf = await readForms(pool, pairs)
  const [best] = LATIN_LANGUAGES.map((language) => ({
    language,
    small: latin.filter((word) => formOf({ word, dictionary: language }).stop).length,
  })).sort((one, other) => other.small - one.small)
  return best && best.small >= latin.length * ENOUGH ? best.language : latinOf(most)
}

import type { connectPostgres } from '@jan/service-kit/postgres'
import type { Term } from './read-terms.store.ts'
import type { Scope } from './search-pieces.store.ts'

type Pool = Pick<ReturnType<typeof connectPostgres>, 'query'>

/** A piece and how well it fits, of 0 to 1. */
export type Ranked = { id: string; score: number }

/** How many pieces of a word are counted: one that is in more is common. */
const COUNTED = 400
/** How many pieces of a word, or of several together, are ranked. */
const RANKED = 150

const HAS = (query: string) =>
  `c.words @@ ${query} AND c.workspace_id = $1 AND ($2::bigint[] IS NULL OR c.document_key = ANY($2))`

/**
 * The pieces that have the words of a question, best first: a rare word counts for more than a common one. All pieces
 * with a rare word are ranked; of common ones those that have several of them, and some that have one.
 */
export async function searchText(pool: Pool, where: Scope, terms: Term[], most: number): Promise<Ranked[]> {
  if (terms.length === 0 || where.pieces === 0) return []
  const counted = await countPieces(pool, where, terms)
  const found = terms.map((term, index) => ({ ...term, count: counted[index]! })).filter(({ count }) => count > 0)
  if (found.length === 0) return []
  const sorted = found.sort((one, other) => one.count - other.count)
  const weights = sorted.map(({ count }) => rarity(count, where.pieces))
  const all = terms.length === found.length ? sum(weights) : sum(weights) * (terms.length / found.length)
  const rank = (lists: string[]) => rankPieces(pool, where, { lists, sorted, weights, most })
  const { likely, common } = listsOf(sorted)
  const rows = await rank(likely)
  const ranked = rows.length < most && common !== undefined ? await rank([...likely, common]) : rows
  return ranked.map(({ id, score }) => ({ id, score: Math.min(1, score / all) }))
}

type Counted = Term & { count: number }

async function rankPieces(
  pool: Pool,
  where: Scope,
  { lists, sorted, weights, most }: { lists: string[]; sorted: Counted[]; weights: number[]; most: number },
): Promise<Ranked[]> {
  if (lists.length === 0) return []
  const { rows } = await pool.query<Ranked>(
    `WITH candidate AS (
       SELECT DISTINCT c.id FROM unnest($3::text[]) list,
       LATERAL (SELECT c.id FROM document_chunk c WHERE ${HAS('list::tsquery')} LIMIT ${RANKED}) c)
     SELECT c.id, s.score FROM candidate JOIN document_chunk c USING (id), LATERAL (
       SELECT sum(weight * least(1, forms * ts_rank('{1,1,1,1}', c.words, asked::tsquery))) AS score
       FROM unnest($4::text[], $5::float8[], $6::float8[]) t(asked, weight, forms)) s
     ORDER BY s.score DESC, c.id LIMIT $7`,
    [
      where.workspaceId,
      where.documents,
      lists,
      sorted.map(({ tsquery }) => tsquery),
      weights,
      sorted.map(({ forms }) => forms),
      most,
    ],
  )
  return rows
}

/** How long it is believed that a word is in many pieces: to count them reads the index from end to end. */
const BELIEVED_MS = 600_000
const MOST_REMEMBERED = 10_000
const believed = new WeakMap<Pool, Map<string, { count: number; until: number }>>()

/** In how many pieces each word is, counted up to a limit. */
async function countPieces(pool: Pool, where: Scope, terms: Term[]): Promise<number[]> {
  const known = believed.get(pool) ?? new Map<string, { count: number; until: number }>()
  believed.set(pool, known)
  // What is narrowed is counted in what it is narrowed to. Words are marked, so that each workspace has its own.
  const beliefOf = ({ tsquery }: Term) => {
    const belief = where.documents === undefined ? known.get(tsquery) : undefined
    return belief && belief.until > Date.now() ? belief.count : undefined
  }
  const unknown = terms.filter((term) => beliefOf(term) === undefined).map(({ tsquery }) => tsquery)
  const { rows } = await pool.query<{ list: string; count: number }>(
    `SELECT list, (SELECT count(*)::int FROM (SELECT FROM document_chunk c WHERE ${HAS('list::tsquery')} LIMIT ${COUNTED}) x) AS count
     FROM unnest($3::text[]) list`,
    [where.workspaceId, where.documents, unknown],
  )
  const counts = new Map(rows.map(({ list, count }) => [list, count]))
  for (const [list, count] of where.documents === undefined ? counts : []) {
    if (known.size >= MOST_REMEMBERED) known.delete(known.keys().next().value!)
    if (count >= RANKED) known.set(list, { count, until: Date.now() + BELIEVED_MS })
  }
  return terms.map((term) => counts.get(term.tsquery) ?? beliefOf(term) ?? COUNTED)
}

/** How many common words are looked for together. */
const TOGETHER = 3

/**
 * What is looked up: each word that is not common and, unless these are in enough pieces, the rarest two and three of
 * the others together. `common` alone is looked up when that was too little: it is read from end to end.
 */
function listsOf(sorted: Counted[]): { likely: string[]; common: string | undefined } {
  const rare = sorted.filter(({ count }) => count < COUNTED)
  const lone = rare.map(({ tsquery }) => tsquery)
  const common = sorted.filter(({ count }) => count > RANKED).map(({ tsquery }) => `(${tsquery})`)
  const together = common.slice(1, TOGETHER).map((_, index) => common.slice(0, index + 2).join(' & '))
  const isEnough = rare.reduce((total, { count }) => total + count, 0) >= RANKED
  const [first] = sorted.filter(({ count }) => count >= COUNTED)
  return { likely: isEnough ? lone : [...lone, ...together], common: first?.tsquery }
}

/** Of BM25: how much it says that a piece has a word which so many of all have. */
const rarity = (count: number, all: number) => Math.log(1 + (Math.max(0, all - count) + 0.5) / (count + 0.5))

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)

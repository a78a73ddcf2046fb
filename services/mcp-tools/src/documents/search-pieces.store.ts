import { Prisma } from '../generated/prisma/client.ts'
import type { DocumentStoreDeps, Found, Question } from './document.store.ts'
import type { Chunk } from './document.ts'
import { fuseRanks } from './fuse-ranks.ts'
import { expiredOf, isNarrow, matching } from './matching.store.ts'
import { readTerms } from './read-terms.store.ts'
import { searchText } from './text-search.store.ts'
import { searchVectors } from './vector-search.store.ts'

/** How many of the best by their words are compared by their vectors, too. */
const RERANKED = 200

export type FoundPiece = Chunk & { documentKey: bigint; score: number }

/** The pieces that fit a question best, by their words and, where there are vectors, by their meaning. */
export async function searchPieces(
  deps: DocumentStoreDeps,
  workspaceId: string,
  { query, filter, vector }: Question,
  most: number,
): Promise<Omit<Found, 'hits'> & { pieces: FoundPiece[] }> {
  const { languages, ...where } = await readScope(deps, workspaceId, filter)
  const terms = await readTerms(deps.pool, workspaceId, { query, languages })
  const asked = terms.map(({ shown }) => shown)
  const byText = await searchText(deps.pool, where, terms, vector ? RERANKED : most)
  const ids = byText.map(({ id }) => id)
  const byMeaning = vector && (await searchVectors(deps, where, { vector, ids, most: RERANKED }))
  const ranked = byMeaning ? fuseRanks([ids, byMeaning]).map(({ item: id, score }) => ({ id, score })) : byText
  const pieces = await readPieces(deps, ranked.slice(0, most))
  return { asked, pieces, ranking: byMeaning ? 'text_and_vectors' : 'text' }
}

/** Where is searched. */
export type Scope = {
  workspaceId: string
  /** Keys; undefined: all of the workspace. */
  documents: string[] | undefined
  /** How many there are in all. */
  pieces: number
}

async function readScope(
  { db }: DocumentStoreDeps,
  workspaceId: string,
  filter: Question['filter'],
): Promise<Scope & { languages: string[] }> {
  const narrow = isNarrow(filter) ? Prisma.sql`true` : Prisma.sql`EXISTS (${expiredOf(workspaceId)})`
  const keys = Prisma.sql`CASE WHEN ${narrow} THEN coalesce(array_agg(d.key::text), '{}') END`
  const [row] = await db.$queryRaw<{ languages: string[] | null; pieces: number; keys: string[] | null }[]>`
    SELECT array_agg(DISTINCT d.language) AS languages, coalesce(sum(d.chunks), 0)::int AS pieces, ${keys} AS keys
    FROM document d WHERE ${matching(workspaceId, { ...filter, unexpired: true })} AND d.chunks > 0`
  return { workspaceId, documents: row!.keys ?? undefined, pieces: row!.pieces, languages: row!.languages ?? [] }
}

async function readPieces({ db }: DocumentStoreDeps, ranked: { id: string; score: number }[]): Promise<FoundPiece[]> {
  const rows = await db.documentChunk.findMany({
    where: { id: { in: ranked.map(({ id }) => BigInt(id)) } },
    select: { id: true, documentKey: true, startAt: true, text: true },
  })
  const byId = new Map(rows.map((row) => [String(row.id), row]))
  return ranked.flatMap(({ id, score }) => {
    const row = byId.get(id)
    return row ? [{ documentKey: row.documentKey, start: row.startAt, text: row.text, score }] : []
  })
}

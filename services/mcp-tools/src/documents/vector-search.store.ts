import type { Logger } from '@jan/service-kit/logger'
import type { connectPostgres } from '@jan/service-kit/postgres'
import type { Scope } from './search-pieces.store.ts'

type Pool = Pick<ReturnType<typeof connectPostgres>, 'query'>
type Asked = {
  vector: { model: string; values: number[] }
  /** The best by their words. */
  ids: string[]
  most: number
}

/** All their vectors are read by each search, so of more pieces only those are compared that were found by their words. */
const MOST_COMPARED = 20_000

/**
 * Pieces by the likeness of their vectors, best first: with pgvector all of where is searched, if that is not too much;
 * else, or when that fails, those that were found by their words. Only vectors of the same model are alike.
 */
export async function searchVectors(
  { pool, log }: { pool: Pool; log: Pick<Logger, 'warn'> },
  where: Scope,
  asked: Asked,
): Promise<string[]> {
  try {
    if (where.pieces <= MOST_COMPARED && (await hasVectors(pool))) return await nearest(pool, where, asked)
  } catch (error) {
    log.warn({ err: error, pieces: where.pieces }, 'vectors are compared of those only that were found by their words')
  }
  return reranked(pool, asked)
}

async function nearest(
  pool: Pool,
  where: Pick<Scope, 'workspaceId' | 'documents'>,
  { vector, most }: Asked,
): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT c.id FROM document_chunk c JOIN document d ON d.key = c.document_key
     WHERE c.workspace_id = $1 AND ($2::bigint[] IS NULL OR c.document_key = ANY($2))
       AND d.workspace_id = $1 AND d.embedding_model = $3 AND cardinality(c.embedding) = $4
     ORDER BY c.embedding::vector <=> $5::real[]::vector, c.id LIMIT $6`,
    [where.workspaceId, where.documents, vector.model, vector.values.length, vector.values, most],
  )
  return rows.map(({ id }) => id)
}

async function reranked(pool: Pool, { vector, ids }: Asked): Promise<string[]> {
  const { rows } = await pool.query<{ id: string; embedding: number[] }>(
    `SELECT c.id, c.embedding FROM document_chunk c JOIN document d ON d.key = c.document_key
     WHERE c.id = ANY($1::bigint[]) AND d.embedding_model = $2 AND cardinality(c.embedding) = $3`,
    [ids, vector.model, vector.values.length],
  )
  const likeness = (values: number[]) => values.reduce((sum, value, index) => sum + value * vector.values[index]!, 0)
  return rows
    .map(({ id, embedding }) => ({ id, score: likeness(embedding) }))
    .sort((one, other) => other.score - one.score)
    .map(({ id }) => id)
}

const known = new WeakMap<Pool, boolean>()

/** Whether the database has pgvector, which is made ready when it may be. Asked once. */
async function hasVectors(pool: Pool): Promise<boolean> {
  const before = known.get(pool)
  if (before !== undefined) return before
  const has = await makeReady(pool)
  known.set(pool, has)
  return has
}

async function makeReady(pool: Pool): Promise<boolean> {
  const { rows } = await pool.query<{ installed: string | null }>(
    `SELECT installed_version AS installed FROM pg_available_extensions WHERE name = 'vector'`,
  )
  if (!rows[0]) return false
  if (rows[0].installed !== null) return true
  // Whose role may not install it goes without.
  return pool.query('CREATE EXTENSION IF NOT EXISTS vector').then(
    () => true,
    () => false,
  )
}

import { silentLogger as log } from '@jan/service-kit/logger'
import { expect, test } from '@jest/globals'
import { searchVectors } from './vector-search.store.ts'

/** A database with pgvector, whose comparing of all takes too long when it is slow. */
function databaseOf({ slow }: { slow: boolean }) {
  const answer = (sql: string) => {
    if (sql.includes('pg_available_extensions')) return [{ installed: '0.8.0' }]
    if (!sql.includes('<=>')) return [{ id: 'by words', embedding: [1, 0] }]
    if (slow) throw new Error('canceling statement due to statement timeout')
    return [{ id: 'by meaning' }]
  }
  const pool = { query: async (sql: string) => ({ rows: answer(sql) }) }
  return { pool: pool as unknown as Parameters<typeof searchVectors>[0]['pool'], log }
}

const asked = { vector: { model: 'm', values: [1, 0] }, ids: ['by words'], most: 5 }
const where = (pieces: number) => ({ workspaceId: 'ada', documents: undefined, pieces })

test('with pgvector all are compared; of too many, or when that fails, those that were found by their words', async () => {
  expect(await searchVectors(databaseOf({ slow: false }), where(100), asked)).toEqual(['by meaning'])
  expect(await searchVectors(databaseOf({ slow: false }), where(1_000_000), asked)).toEqual(['by words'])
  expect(await searchVectors(databaseOf({ slow: true }), where(100), asked)).toEqual(['by words'])
})

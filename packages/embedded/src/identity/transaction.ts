import type pg from 'pg'

/** Runs `work` in a transaction that none other of a provider on this database overlaps: a laptop has time for that. */
export async function inTransaction<T>(pool: pg.Pool, work: (db: pg.PoolClient) => Promise<T>): Promise<T> {
  const db = await pool.connect()
  try {
    await db.query(`BEGIN; SELECT pg_advisory_xact_lock(hashtext('identity'))`)
    const result = await work(db)
    await db.query('COMMIT')
    return result
  } catch (error) {
    await db.query('ROLLBACK').catch(() => undefined)
    throw error
  } finally {
    db.release()
  }
}

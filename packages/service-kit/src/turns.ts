import type pg from 'pg'
import { AppError, unavailable } from './errors.ts'

/** Things that must not be done twice at once, on whichever replicas. Who dies gives the turn back. */
export type Turns = {
  /** Does it, unless somebody is at it already. @throws AppError `conflict` then */
  take<T>(name: string, act: () => Promise<T>): Promise<T>
  /** Does it when whoever is at it has ended. @throws AppError `unavailable` when that takes longer than half a minute */
  wait<T>(name: string, act: () => Promise<T>): Promise<T>
}

const WAIT_MS = 30_000
const LOCK_NOT_AVAILABLE = '55P03'

/** Locks of the database. Each keeps a connection while it lasts, so they want a pool of their own. */
export function createTurns(pool: Pick<pg.Pool, 'connect'>): Turns {
  const holding = async <T>(lock: (client: pg.PoolClient) => Promise<void>, act: () => Promise<T>): Promise<T> => {
    const client = await pool.connect()
    try {
      await client.query('BEGIN')
      await lock(client)
      return await act()
    } finally {
      await client.query('ROLLBACK').then(
        () => client.release(),
        (error: Error) => client.release(error),
      )
    }
  }
  return {
    take: (name, act) =>
      holding(async (client) => {
        const { rows } = await client.query('SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS mine', [name])
        if (!rows[0].mine) throw new AppError('conflict', 'The same is being done already')
      }, act),
    wait: (name, act) =>
      holding(async (client) => {
        await client.query(`SET LOCAL lock_timeout = ${WAIT_MS}; SET LOCAL statement_timeout = ${WAIT_MS + 1000}`)
        await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [name]).catch((error) => {
          if (error.code === LOCK_NOT_AVAILABLE) throw unavailable('The same is being done already', error)
          throw error
        })
      }, act),
  }
}

import { AppError } from '@jan/service-kit/errors'
import type { connectPostgres } from '@jan/service-kit/postgres'

/** Things that must not be done twice at once, on whichever replicas. */
export type Turns = {
  /** Does it, unless somebody is at it already. @throws AppError `conflict` then */
  take<T>(name: string, act: () => Promise<T>): Promise<T>
}

/** Locks of the database: who dies gives the turn back. Each keeps a connection while it lasts, so they have a pool of their own. */
export const createTurns = (pool: Pick<ReturnType<typeof connectPostgres>, 'connect'>): Turns => ({
  take: async (name, act) => {
    const client = await pool.connect()
    try {
      await client.query('BEGIN')
      const { rows } = await client.query('SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS mine', [name])
      if (!rows[0].mine) throw new AppError('conflict', 'The same is being done already')
      return await act()
    } finally {
      await client.query('ROLLBACK').then(
        () => client.release(),
        (error: Error) => client.release(error),
      )
    }
  },
})

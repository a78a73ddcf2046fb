import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { HttpError } from './http-error.ts'
import { DEFAULT_ROLE } from './realm-file.ts'
import { inTransaction } from './transaction.ts'

/** A user as Keycloak's UserRepresentation names things, and what only this provider knows. */
export type User = {
  id: string
  /** Names and e-mails are kept in lower case; what is not set is absent. */
  username: string
  email?: string | undefined
  firstName?: string | undefined
  lastName?: string | undefined
  enabled: boolean
  emailVerified: boolean
  attributes: Record<string, string[]>
  requiredActions: string[]
  /** Epoch milliseconds. */
  createdTimestamp: number
  /** Epoch seconds; sessions begun before are void. */
  notBefore: number
  /** Names of the realm roles given directly, not through a group. */
  roles: string[]
  /** Group paths. */
  groups: string[]
  clientRoles: Record<string, string[]>
  serviceAccountClientId?: string
  passwordHash?: string | undefined
  /** Wrong passwords since the last right one; moments are epoch milliseconds. */
  failures?: { count: number; last: number; lockedUntil: number } | undefined
}

export const newUser = (given: Partial<User> & { username: string }): User => ({
  id: randomUUID(),
  enabled: true,
  emailVerified: false,
  attributes: {},
  requiredActions: [],
  createdTimestamp: Date.now(),
  notBefore: 0,
  roles: [DEFAULT_ROLE],
  groups: [],
  clientRoles: {},
  ...given,
})

/** Users in PostgreSQL. A name or e-mail that is taken is a 409. */
export function createUserStore(pool: pg.Pool) {
  const one = async (where: string, value: string, db: pg.Pool | pg.PoolClient = pool): Promise<User | undefined> =>
    (await db.query(`SELECT payload FROM identity_record WHERE model = 'User' AND ${where}`, [value])).rows[0]?.payload
  return {
    find: (id: string) => one('id = $1', id),
    findByLogin: (login: string) => one(`$1 IN (payload->>'username', payload->>'email')`, login.trim().toLowerCase()),
    findServiceAccount: (clientId: string) => one(`payload->>'serviceAccountClientId' = $1`, clientId),
    /** By name. All of them: a laptop has few, and searching here says in a line what SQL says in ten. */
    all: async (): Promise<User[]> => {
      const order = `ORDER BY payload->>'username' COLLATE "C"`
      const { rows } = await pool.query(`SELECT payload FROM identity_record WHERE model = 'User' ${order}`)
      return rows.map(({ payload }) => payload)
    },
    create: (user: User) =>
      inTransaction(pool, async (db) => {
        await requireFree(db, user)
        await db.query(`INSERT INTO identity_record VALUES ('User', $1, $2)`, [user.id, user])
      }),
    /** Changes a user, one change after the other. Nothing happens to one that is gone. */
    change: (id: string, change: (user: User) => User) =>
      inTransaction(pool, async (db) => {
        const user = await one('id = $1', id, db)
        if (!user) return
        const changed = change(user)
        await requireFree(db, changed)
        await db.query(`UPDATE identity_record SET payload = $2 WHERE model = 'User' AND id = $1`, [id, changed])
      }),
    /** With all that is theirs. A refresh token stays, as nobody's, to tell why it is refused. */
    delete: (id: string) =>
      pool.query(
        `WITH refused AS (
           UPDATE identity_record SET payload = payload || '{"accountId": ""}'
           WHERE model = 'RefreshToken' AND payload->>'accountId' = $1)
         DELETE FROM identity_record
         WHERE (model = 'User' AND id = $1) OR (model <> 'RefreshToken' AND payload->>'accountId' = $1)`,
        [id],
      ),
  }
}

/** Nobody's username may be somebody else's e-mail: with login by e-mail that would be two people under one name. */
async function requireFree(db: pg.PoolClient, { id, username, email }: User): Promise<void> {
  const held = await db.query<{ field: string }>(
    `SELECT CASE WHEN $1 IN (payload->>'username', payload->>'email') THEN 'username' ELSE 'email' END AS field
     FROM identity_record WHERE model = 'User' AND id <> $3
       AND (payload->>'username' IN ($1, $2) OR payload->>'email' IN ($1, $2)) ORDER BY field DESC LIMIT 1`,
    [username, email, id],
  )
  if (held.rows[0]) throw new HttpError(409, { errorMessage: `User exists with same ${held.rows[0].field}` })
}

import { type Adapter, errors } from 'oidc-provider'
import type pg from 'pg'

export type Sessions = ReturnType<typeof createSessions>

/**
 * A login at a client is a grant of the library, and its `sid` the grant's id. Tokens without their grant are dead,
 * so ending a login is deleting that one row; refresh tokens stay until they expire, to tell why they are refused.
 */
export function createSessions(pool: pg.Pool) {
  return {
    /** Ends a login, the browser's session it came from, and whatever else began in that. */
    end: (sid: string) =>
      pool.query(
        `WITH browser AS (DELETE FROM identity_record WHERE model = 'Session'
           AND jsonb_path_exists(payload, '$.authorizations.*.grantId ? (@ == $sid)', jsonb_build_object('sid', $1::text))
           RETURNING payload)
         DELETE FROM identity_record WHERE model = 'Grant' AND (id = $1 OR id IN (
           SELECT jsonb_path_query(payload, '$.authorizations.*.grantId') #>> '{}' FROM browser))`,
        [sid],
      ),
    endAllOf: (userId: string, models = ['Grant', 'Session']) =>
      pool.query(`DELETE FROM identity_record WHERE model = ANY($2) AND payload->>'accountId' = $1`, [userId, models]),
    /** The logins of a user, with their `sid` as id; `lastAccess` in epoch milliseconds. */
    listOf: async (userId: string): Promise<object[]> => {
      const newest = `SELECT max((payload->>'iat')::float8) FROM identity_record WHERE payload->>'grantId' = login.id`
      const { rows } = await pool.query(
        `SELECT id, greatest((payload->>'iat')::float8, (${newest})) * 1000 AS "lastAccess"
         FROM identity_record AS login WHERE model = 'Grant' AND payload->>'accountId' = $1 AND expires_at > now()`,
        [userId],
      )
      return rows
    },
  }
}

/** The library's storage. Expired rows are still found: the library judges them itself. */
export function createAdapter(pool: pg.Pool, sessions: Sessions, maxReuse: number, model: string): Adapter {
  const one = async (where: string, value: string) =>
    (await pool.query(`SELECT payload FROM identity_record WHERE model = $1 AND ${where} = $2`, [model, value])).rows[0]
      ?.payload
  return {
    async upsert(id, payload, expiresIn) {
      await pool.query(
        `INSERT INTO identity_record VALUES ($1, $2, $3, now() + make_interval(secs => $4))
         ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at`,
        [model, id, payload, expiresIn],
      )
    },
    find: (id) => one('id', id),
    findByUid: (uid) => one(`payload->>'uid'`, uid),
    findByUserCode: async () => undefined,
    /**
     * Spends a code or a refresh token in one statement, so that parallel requests are counted right. A refresh token
     * may be used again `maxReuse` times, until the next one was used; more has leaked or was retried blindly.
     */
    async consume(id) {
      const spent = await pool.query(
        `UPDATE identity_record AS mine SET payload = payload || jsonb_build_object('uses', ${uses('mine')} + 1)
         WHERE model = $1 AND id = $2 AND ${uses('mine')} <= $3 AND NOT EXISTS (
           SELECT FROM identity_record AS next WHERE next.model = $1 AND ${uses('next')} > 0
             AND next.payload->>'grantId' = mine.payload->>'grantId'
             AND (next.payload->>'rotations')::int > coalesce((mine.payload->>'rotations')::int, 0))`,
        [model, id, model === 'RefreshToken' ? maxReuse : 0],
      )
      if (spent.rowCount === 1) return
      const { grantId } = (await one('id', id)) ?? {}
      if (model !== 'RefreshToken') await sessions.end(grantId)
      // Nobody's: the login is over for its client, while the browser stays signed in.
      else
        await pool.query(
          `UPDATE identity_record SET payload = payload || '{"clientId": ""}' WHERE model = 'Grant' AND id = $1`,
          [grantId],
        )
      throw new errors.InvalidGrant(`${model} already used`)
    },
    async destroy(id) {
      if (model === 'Grant') await sessions.end(id)
      else if (model !== 'RefreshToken')
        await pool.query('DELETE FROM identity_record WHERE model = $1 AND id = $2', [model, id])
    },
    async revokeByGrantId() {},
  }
}

const uses = (row: string) => `coalesce((${row}.payload->>'uses')::int, 0)`

import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import { calculateJwkThumbprint, exportJWK, type JWK } from 'jose'
import { type Adapter, errors } from 'oidc-provider'
import type pg from 'pg'
import { DEFAULT_ROLE, type Realm, readRealm } from './realm-file.ts'
import { newUser } from './users.store.ts'

/** One table of documents: realm, keys and users, and the library's models (grants, sessions, codes, tokens). */
const TABLE = `
  CREATE TABLE IF NOT EXISTS identity_record (
    model text NOT NULL, id text NOT NULL, payload jsonb NOT NULL, expires_at timestamptz, PRIMARY KEY (model, id));
  CREATE INDEX IF NOT EXISTS identity_record_uid ON identity_record ((payload->>'uid'));
  CREATE INDEX IF NOT EXISTS identity_record_grant ON identity_record ((payload->>'grantId'));
  CREATE INDEX IF NOT EXISTS identity_record_account ON identity_record ((payload->>'accountId'));
  CREATE UNIQUE INDEX IF NOT EXISTS identity_username ON identity_record ((payload->>'username')) WHERE model = 'User';
  CREATE UNIQUE INDEX IF NOT EXISTS identity_email ON identity_record ((payload->>'email')) WHERE model = 'User';
`
const KEY_LIFE = 365 * 86_400_000

/** `keys` are private, newest first. */
export type Stored = { realm: Realm; keys: JWK[] }

/**
 * Makes the table, and imports the realm unless it is there: like Keycloak, an existing realm is left alone, so a
 * changed file or secret has no effect on it. A signing key older than a year gets a successor and stays listed.
 * @param definition the realm file, parsed and expanded
 */
export async function prepareDatabase(pool: pg.Pool, definition: unknown): Promise<Stored> {
  const { name } = readRealm(definition)
  const db = await pool.connect()
  const insert = (model: string, id: string, payload: unknown) =>
    db.query('INSERT INTO identity_record VALUES ($1, $2, $3)', [model, id, JSON.stringify(payload)])
  const stored = async (model: string) =>
    (await db.query(`SELECT payload FROM identity_record WHERE model = $1 ORDER BY payload->>'made' DESC`, [model]))
      .rows
  try {
    await db.query('BEGIN')
    // A second process waits here for the first one's import.
    await db.query(`SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock(hashtext('identity'))`)
    await db.query(TABLE)
    if (!(await stored('Realm')).some(({ payload }) => payload.realm === name)) {
      await insert('Realm', name, definition)
      for (const { username, serviceAccountClientId, clientRoles } of readRealm(definition).users) {
        const account = newUser({ username, enabled: true, roles: [DEFAULT_ROLE], serviceAccountClientId, clientRoles })
        await insert('User', account.id, account)
      }
    }
    const newest = (await stored('Key'))[0]?.payload
    if (!newest || Date.parse(newest.made) < Date.now() - KEY_LIFE)
      for (const key of await Promise.all([createKey('RS256', 'sig'), createKey('RSA-OAEP', 'enc')]))
        await insert('Key', String(key.kid), { key, made: new Date().toISOString() })
    const realm = readRealm((await stored('Realm')).find(({ payload }) => payload.realm === name)?.payload)
    const keys = (await stored('Key')).map(({ payload }) => payload.key as JWK)
    await db.query('COMMIT')
    return { realm, keys }
  } catch (error) {
    await db.query('ROLLBACK').catch(() => undefined)
    throw error
  } finally {
    db.release()
  }
}

/** Keycloak publishes an encryption key beside the signing key; a verifier has to pick by `use`, here too. */
async function createKey(alg: string, use: string): Promise<JWK> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const jwk = await exportJWK(privateKey)
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg, use }
}

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
    /** The logins of a user, as Keycloak lists them; moments are epoch milliseconds. */
    listOf: async (userId: string, username: string): Promise<object[]> =>
      (
        await pool.query(
          `SELECT id, $2::text AS username, $1 AS "userId", jsonb_build_object(payload->>'clientId', payload->>'clientId') AS clients,
             (payload->>'iat')::float8 * 1000 AS start, (payload->>'iat')::float8 * 1000 AS "lastAccess"
           FROM identity_record WHERE model = 'Grant' AND payload->>'accountId' = $1 AND expires_at > now()`,
          [userId, username],
        )
      ).rows,
    sweep: () => pool.query(`DELETE FROM identity_record WHERE expires_at < now() - interval '1 day'`),
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
        [model, id, payload, expiresIn ?? null],
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

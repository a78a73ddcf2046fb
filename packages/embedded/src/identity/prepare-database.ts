import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import { calculateJwkThumbprint, exportJWK, type JWK } from 'jose'
import type pg from 'pg'
import { type Realm, type RealmFile, readRealm } from './realm-file.ts'
import { inTransaction } from './transaction.ts'
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
  DELETE FROM identity_record WHERE expires_at < now() - interval '1 day';
`
const KEY_LIFE = 365 * 86_400_000

/** `keys` are private, newest first. */
type Prepared = { realm: Realm; keys: JWK[] }

/**
 * Makes the table, and imports the realm unless one is there: like Keycloak, an existing realm is left alone, so a
 * changed file or secret has no effect on it. A signing key older than a year gets a successor and stays listed.
 * @param definition the realm file, parsed and expanded
 */
export const prepareDatabase = (pool: pg.Pool, definition: RealmFile): Promise<Prepared> =>
  inTransaction(pool, async (db) => {
    const insert = (model: string, id: string, payload: unknown) =>
      db.query('INSERT INTO identity_record VALUES ($1, $2, $3)', [model, id, JSON.stringify(payload)])
    const stored = async (model: string) =>
      (await db.query(`SELECT payload FROM identity_record WHERE model = $1 ORDER BY payload->>'made' DESC`, [model]))
        .rows
    await db.query(TABLE)
    const [imported] = await stored('Realm')
    const realm = readRealm(imported?.payload ?? definition)
    if (!imported) {
      await insert('Realm', realm.realm, definition)
      for (const account of realm.users.map(newUser)) await insert('User', account.id, account)
    }
    const [newest] = await stored('Key')
    if (!newest || Date.parse(newest.payload.made) < Date.now() - KEY_LIFE)
      for (const key of await Promise.all([createKey('RS256', 'sig'), createKey('RSA-OAEP', 'enc')]))
        await insert('Key', String(key.kid), { key, made: new Date().toISOString() })
    return { realm, keys: (await stored('Key')).map(({ payload }) => payload.key) }
  })

/** Keycloak publishes an encryption key beside the signing key; a verifier has to pick by `use`, here too. */
async function createKey(alg: string, use: string): Promise<JWK> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const jwk = await exportJWK(privateKey)
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg, use }
}

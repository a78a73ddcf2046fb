import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import { calculateJwkThumbprint, exportJWK, type JWK } from 'jose'
import type pg from 'pg'
import { DEFAULT_ROLE, type Realm, readRealm } from './realm-file.ts'

const TABLES = `
  CREATE TABLE IF NOT EXISTS identity_realm (name text PRIMARY KEY, definition jsonb NOT NULL, imported_at timestamptz NOT NULL DEFAULT now());
  CREATE TABLE IF NOT EXISTS identity_key (kid text PRIMARY KEY, private_jwk jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
  CREATE TABLE IF NOT EXISTS identity_user (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    username text NOT NULL CONSTRAINT identity_user_username UNIQUE,
    email text CONSTRAINT identity_user_email UNIQUE,
    first_name text,
    last_name text,
    enabled boolean NOT NULL,
    email_verified boolean NOT NULL,
    attributes jsonb NOT NULL,
    required_actions text[] NOT NULL,
    roles text[] NOT NULL,
    groups text[] NOT NULL,
    client_roles jsonb NOT NULL,
    service_account_client text,
    password_hash text,
    not_before bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
  );
  CREATE TABLE IF NOT EXISTS identity_session (
    sid text PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES identity_user ON DELETE CASCADE,
    started_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    refresh_token text,
    refresh_uses integer NOT NULL DEFAULT 0,
    refreshed_at bigint NOT NULL,
    detached boolean NOT NULL DEFAULT false
  );
  CREATE INDEX IF NOT EXISTS identity_session_user ON identity_session (user_id);
  CREATE TABLE IF NOT EXISTS identity_revoked_token (jti text PRIMARY KEY, expires_at bigint NOT NULL);
  CREATE TABLE IF NOT EXISTS identity_model (
    model text NOT NULL,
    id text NOT NULL,
    payload jsonb NOT NULL,
    expires_at timestamptz,
    PRIMARY KEY (model, id)
  );
  CREATE INDEX IF NOT EXISTS identity_model_grant ON identity_model ((payload->>'grantId'));
  CREATE INDEX IF NOT EXISTS identity_model_uid ON identity_model ((payload->>'uid'));
`

export type Stored = { realm: Realm; keys: JWK[] }

/**
 * Makes the tables, and imports realm and keys unless they are there: like Keycloak, an existing realm is
 * left alone, so a changed file or secret has no effect on it.
 * @param definition the realm file, parsed and expanded
 */
export async function prepareDatabase(pool: pg.Pool, definition: unknown): Promise<Stored> {
  const { name } = readRealm(definition)
  const db = await pool.connect()
  try {
    await db.query('BEGIN')
    // A second process waits here for the first one's import.
    await db.query('SET LOCAL statement_timeout = 0')
    await db.query(`SELECT pg_advisory_xact_lock(hashtext('identity'))`)
    await db.query(TABLES)
    const known = await db.query('SELECT 1 FROM identity_realm WHERE name = $1', [name])
    if (known.rowCount === 0) await importRealm(db, definition)
    const stored = await db.query('SELECT definition FROM identity_realm WHERE name = $1', [name])
    const keys = await db.query('SELECT private_jwk FROM identity_key ORDER BY created_at DESC')
    await db.query('COMMIT')
    return { realm: readRealm(stored.rows[0].definition), keys: keys.rows.map((row) => row.private_jwk) }
  } catch (error) {
    await db.query('ROLLBACK').catch(() => undefined)
    throw error
  } finally {
    db.release()
  }
}

async function importRealm(db: pg.PoolClient, definition: unknown): Promise<void> {
  const realm = readRealm(definition)
  await db.query('INSERT INTO identity_realm (name, definition) VALUES ($1, $2)', [
    realm.name,
    JSON.stringify(definition),
  ])
  for (const { username, serviceAccountClientId, clientRoles } of realm.users) {
    await db.query(
      `INSERT INTO identity_user (username, enabled, email_verified, attributes, required_actions, roles, groups, client_roles, service_account_client)
       VALUES ($1, true, false, '{}', '{}', $2, '{}', $3, $4)`,
      [username, [DEFAULT_ROLE], clientRoles, serviceAccountClientId],
    )
  }
  for (const key of await Promise.all([createKey('RS256', 'sig'), createKey('RSA-OAEP', 'enc')])) {
    await db.query('INSERT INTO identity_key (kid, private_jwk) VALUES ($1, $2)', [key.kid, key])
  }
}

/** Keycloak publishes an encryption key beside the signing key; a verifier has to pick by `use`, here too. */
async function createKey(alg: string, use: string): Promise<JWK> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const jwk = await exportJWK(privateKey)
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg, use }
}

import { createHash, randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'

/** The advisory lock that Prisma's own migrate takes, so that the two never run at once. */
const LOCK = 72707369

const TABLE = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id varchar(36) PRIMARY KEY NOT NULL, checksum varchar(64) NOT NULL, finished_at timestamptz,
  migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz,
  started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0)`

type Applied = { migration_name: string; checksum: string; finished_at: Date | null }

export type MigrateOptions = {
  /** Where the tables go, with the list of what was applied; made when missing. `public` when absent. */
  schema?: string
}

/**
 * Applies `<directory>/<name>/migration.sql` in order of name, each in a transaction, and keeps `_prisma_migrations` as Prisma does.
 * Several processes may call it at once: one works, the others wait and find nothing to do.
 * @returns the names applied now
 * @throws Error when an applied migration was edited, one is missing, or one failed before
 */
export async function migrate(url: string, directory: string, { schema }: MigrateOptions = {}): Promise<string[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK])
    if (schema) await enterSchema(client, client.escapeIdentifier(schema))
    await client.query(TABLE)
    const { rows } = await client.query<Applied>(
      'SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL',
    )
    const files = readMigrations(directory)
    requireUnchanged(rows, files)
    const done = new Set(rows.map((row) => row.migration_name))
    const pending = files.filter((file) => !done.has(file.name))
    for (const file of pending) await apply(client, file)
    return pending.map((file) => file.name)
  } finally {
    await client.end()
  }
}

async function enterSchema(client: pg.Client, schema: string): Promise<void> {
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`)
  await client.query(`SET search_path TO ${schema}`)
}

type Migration = { name: string; sql: string; checksum: string }

function readMigrations(directory: string): Migration[] {
  const names = readdirSync(directory).filter((name) => existsSync(join(directory, name, 'migration.sql')))
  return names.sort().map((name) => {
    const sql = readFileSync(join(directory, name, 'migration.sql'), 'utf8')
    return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
  })
}

function requireUnchanged(rows: Applied[], files: Migration[]): void {
  const byName = new Map(files.map((file) => [file.name, file]))
  for (const row of rows) {
    if (!row.finished_at)
      throw new Error(`Migration ${row.migration_name} failed before; mend the database and mark it rolled back`)
    const file = byName.get(row.migration_name)
    if (!file)
      throw new Error(
        `Migration ${row.migration_name} was applied but is not in ${files.length > 0 ? 'the folder' : 'an empty folder'}`,
      )
    if (file.checksum !== row.checksum)
      throw new Error(`Migration ${row.migration_name} was edited after it had been applied`)
  }
}

async function apply(client: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  const id = randomUUID()
  await client.query('INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ($1, $2, $3)', [
    id,
    checksum,
    name,
  ])
  try {
    await client.query('BEGIN')
    await client.query(sql)
    await client.query('UPDATE _prisma_migrations SET finished_at = now(), applied_steps_count = 1 WHERE id = $1', [id])
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    await client.query('UPDATE _prisma_migrations SET logs = $2, rolled_back_at = now() WHERE id = $1', [
      id,
      String(error),
    ])
    throw new Error(`Migration ${name} failed: ${(error as Error).message}`, { cause: error })
  }
}

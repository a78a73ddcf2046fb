import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { prepareDatabase } from '@jan/service-kit/prepare-database'
import pg from 'pg'

export type TestDatabase = {
  url: string
  query: (sql: string, values?: unknown[]) => Promise<Record<string, unknown>[]>
  drop(): Promise<void>
}

/**
 * A new, empty database of this test file's own on the run's PostgreSQL.
 * With `service` it has that service's tables: `createTestDatabase({ service: 'media-api' })`.
 */
export async function createTestDatabase({ service }: { service?: string } = {}): Promise<TestDatabase> {
  const server = process.env.JAN_TEST_POSTGRES
  if (!server) throw new Error('No test PostgreSQL: run the tests with `npm run jest`')
  const name = freshName(service ?? 'any')
  await run(server, `CREATE DATABASE ${name}${service ? ` TEMPLATE ${await requireTemplate(server, service)}` : ''}`)
  const url = urlOf(server, name)
  return {
    url,
    query: (sql, values) => run(url, sql, values),
    drop: async () => void (await run(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
  }
}

const freshName = (stem: string) => `test_${stem.replace(/\W/g, '_')}_${randomBytes(6).toString('hex')}`
const urlOf = (server: string, database: string) =>
  Object.assign(new URL(server), { pathname: `/${database}` }).toString()

/** Migrating takes longer than copying, so each service's tables are made once in a run. */
async function requireTemplate(server: string, service: string): Promise<string> {
  const name = `template_${service.replace(/\W/g, '_')}`
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  try {
    // Of several test files one makes it. The lock ends with the connection.
    await client.query('SELECT pg_advisory_lock(hashtext($1))', [name])
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name])
    if (rowCount) return name
    const unfinished = freshName(service)
    await client.query(`CREATE DATABASE ${unfinished}`)
    const migrations = new URL(`../../../services/${service}/prisma/migrations`, import.meta.url)
    await prepareDatabase(urlOf(server, unfinished), fileURLToPath(migrations))
    await client.query(`ALTER DATABASE ${unfinished} RENAME TO ${name}`)
    return name
  } finally {
    await client.end()
  }
}

async function run(url: string, sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql, values)).rows
  } finally {
    await client.end()
  }
}

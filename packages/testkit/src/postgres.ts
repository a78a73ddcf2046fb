import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { migrate } from '@jan/service-kit/migrate'
import pg from 'pg'

export type TestDatabase = {
  url: string
  query: (sql: string, values?: unknown[]) => Promise<Record<string, unknown>[]>
  drop(): Promise<void>
}

/**
 * A new, empty database of this test file's own on the run's PostgreSQL.
 * With `service` its migrations are applied: `createTestDatabase({ service: 'media-api' })`.
 */
export async function createTestDatabase({ service }: { service?: string } = {}): Promise<TestDatabase> {
  const server = process.env.JAN_TEST_POSTGRES
  if (!server) throw new Error('No test PostgreSQL: run the tests with `npm run jest`')
  const name = `test_${(service ?? 'any').replace(/\W/g, '_')}_${randomBytes(6).toString('hex')}`
  await run(server, `CREATE DATABASE ${name}`)
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).toString()
  if (service)
    await migrate(url, fileURLToPath(new URL(`../../../services/${service}/prisma/migrations`, import.meta.url)))
  return {
    url,
    query: (sql, values) => run(url, sql, values),
    drop: async () => void (await run(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
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

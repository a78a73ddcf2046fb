import { fileURLToPath } from 'node:url'
import { prepareDatabase } from '@jan/service-kit/prepare-database'
import pg from 'pg'
import type { PostgresServer } from './postgres-server.ts'

export type Database = {
  url: string
  /** A look at what is stored; changes nothing. */
  look<Row extends pg.QueryResultRow>(sql: string): Promise<Row[]>
}

/** A new database, as a service finds it. */
export async function createDatabase(postgres: PostgresServer, service: string, name: string): Promise<Database> {
  await postgres.createDatabase(name)
  const url = postgres.url(name)
  await prepareDatabase(url, fileURLToPath(new URL(`../../../services/${service}/prisma/migrations`, import.meta.url)))
  return {
    url,
    look: async <Row extends pg.QueryResultRow>(sql: string) => {
      const client = new pg.Client({ connectionString: url, options: '-c default_transaction_read_only=on' })
      await client.connect()
      try {
        return (await client.query<Row>(sql)).rows
      } finally {
        await client.end()
      }
    },
  }
}

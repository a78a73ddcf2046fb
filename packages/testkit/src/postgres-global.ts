import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Postgres, startPostgres } from '@jan/embedded/postgres'
import { freePort } from './free-port.ts'

let server: Postgres
let folder: string

/** One PostgreSQL for a whole test run; each test file makes its own databases in it (see `postgres.ts`). */
export async function startTestPostgres(): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), 'jan-test-'))
  // Root's PostgreSQL runs as nobody, who must be able to enter.
  chmodSync(folder, 0o755)
  server = await startPostgres({
    dataDir: join(folder, 'postgres'),
    port: await freePort(),
    password: 'test',
    settings: ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=300'],
  })
  process.env.JAN_TEST_POSTGRES = server.url('postgres')
}

export async function stopTestPostgres(): Promise<void> {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
}

import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { freePort } from '@jan/testkit/free-port'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import pg from 'pg'
import { startPostgres } from '../src/postgres.ts'

/** A folder only its owner may enter, as a checkout's `.jan` is: root's server then keeps its data outside of it. */
let checkout: string
const outside = new Set<string>()
const start = async (password: string) => {
  const dataDir = join(checkout, 'postgres')
  const server = await startPostgres({ dataDir, port: await freePort(), password, settings: ['fsync=off'] })
  outside.add(dirname(realpathSync(dataDir)))
  return server
}
const ask = async (url: string, statement: string) => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return client.query(statement).finally(() => client.end())
}

beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'jan-checkout-'))
  chmodSync(checkout, 0o700)
})
afterEach(() => {
  for (const folder of [checkout, ...outside]) rmSync(folder, { recursive: true, force: true })
})

test('a checkout in the place of one that was removed starts with data of its own; what it keeps is there at the next start', async () => {
  const removed = await start('first')
  await ask(removed.url('postgres'), 'CREATE TABLE kept (id int)')
  await removed.stop()
  rmSync(checkout, { recursive: true })
  mkdirSync(checkout, { mode: 0o700 })

  const fresh = await start('second')
  expect((await ask(fresh.url('postgres'), "SELECT to_regclass('kept') AS found")).rows).toEqual([{ found: null }])
  await ask(fresh.url('postgres'), 'CREATE TABLE kept (id int)')
  await fresh.stop()

  const again = await start('second')
  expect((await ask(again.url('postgres'), 'SELECT * FROM kept')).rows).toEqual([])
  await again.stop()
}, 30_000)

test('data that were made with another password are refused at once, by name, and no server is left running', async () => {
  await (await start('first')).stop()
  await expect(start('second')).rejects.toThrow(
    `PostgreSQL refuses the password: ${join(checkout, 'postgres')} was made with another one`,
  )
  const again = await start('first')
  await again.stop()
}, 30_000)

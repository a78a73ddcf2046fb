import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestDatabase, type TestDatabase } from '@jan/testkit/postgres'
import { afterAll, beforeEach, expect, test } from '@jest/globals'
import { migrate } from '../src/migrate.ts'

const databases: TestDatabase[] = []
let database: TestDatabase
let folder: string
const put = (name: string, sql: string) => {
  mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, name, 'migration.sql'), sql)
}
beforeEach(async () => {
  database = await createTestDatabase()
  databases.push(database)
  folder = mkdtempSync(join(tmpdir(), 'migrations-'))
  put('0001_init', 'CREATE TABLE a (n int);')
})
afterAll(async () => {
  for (const each of databases) await each.drop()
})

test('applies what is pending, in order, once, as Prisma records it [H-33]', async () => {
  put(
    '0002_more',
    'CREATE FUNCTION f() RETURNS int AS $$ BEGIN RETURN 1; END; $$ LANGUAGE plpgsql; INSERT INTO a VALUES (f());',
  )
  expect(await migrate(database.url, folder)).toEqual(['0001_init', '0002_more'])
  expect(await migrate(database.url, folder)).toEqual([])
  expect(
    await database.query(
      'SELECT migration_name, applied_steps_count, finished_at IS NOT NULL AS done FROM _prisma_migrations ORDER BY 1',
    ),
  ).toEqual([
    { migration_name: '0001_init', applied_steps_count: 1, done: true },
    { migration_name: '0002_more', applied_steps_count: 1, done: true },
  ])
})

test('four at once: one works, the others find nothing to do [H-33]', async () => {
  const applied = await Promise.all([1, 2, 3, 4].map(() => migrate(database.url, folder)))
  expect(applied.flat()).toEqual(['0001_init'])
})

test('an edited or vanished migration is refused [H-34]', async () => {
  await migrate(database.url, folder)
  put('0001_init', 'CREATE TABLE b (n int);')
  await expect(migrate(database.url, folder)).rejects.toThrow(/0001_init was edited/)
  folder = mkdtempSync(join(tmpdir(), 'migrations-'))
  await expect(migrate(database.url, folder)).rejects.toThrow(/0001_init was applied but/)
})

test('a migration that fails leaves nothing behind and can be mended [H-34 W-041]', async () => {
  put('0002_bad', 'CREATE TABLE half (n int); SELECT 1/0;')
  await expect(migrate(database.url, folder)).rejects.toThrow(/0002_bad failed: division by zero/)
  expect(await database.query("SELECT 1 FROM pg_tables WHERE tablename = 'half'")).toEqual([])
  put('0002_bad', 'CREATE TABLE whole (n int);')
  expect(await migrate(database.url, folder)).toEqual(['0002_bad'])
})

test('into a schema of its own: its tables and its list are apart from those of another folder [H-33 W-041]', async () => {
  const own = folder
  folder = mkdtempSync(join(tmpdir(), 'migrations-'))
  put('0001_other', 'CREATE TABLE a (text text);')
  expect(await migrate(database.url, folder, { schema: 'apart' })).toEqual(['0001_other'])
  expect(await migrate(database.url, own)).toEqual(['0001_init'])
  expect(await migrate(database.url, folder, { schema: 'apart' })).toEqual([])
  expect(
    await database.query(
      "SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname IN ('apart', 'public') ORDER BY 1",
    ),
  ).toEqual(['apart._prisma_migrations', 'apart.a', 'public._prisma_migrations', 'public.a'].map((name) => ({ name })))
})

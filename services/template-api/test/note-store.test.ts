import { Secret } from '@jan/service-kit/config'
import { Closers } from '@jan/service-kit/lifecycle'
import { silentLogger } from '@jan/service-kit/logger'
import { connectPostgres, connectPrisma } from '@jan/service-kit/postgres'
import { createTestDatabase, type TestDatabase } from '@jan/testkit/postgres'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Prisma, PrismaClient } from '../src/generated/prisma/client.ts'
import { createNoteStore } from '../src/notes/note.store.ts'

let database: TestDatabase
let db: PrismaClient
const closers = new Closers()

beforeAll(async () => {
  database = await createTestDatabase({ service: 'template-api' })
  const options = { url: new Secret(database.url), poolMax: 4, statementTimeoutMs: 5000 }
  const pool = connectPostgres(options, silentLogger, closers)
  db = connectPrisma(pool, closers, (adapter) => new PrismaClient({ adapter }))
})
afterAll(async () => {
  await closers.close(silentLogger)
  await database.drop()
})

const note = {
  id: 'note_1',
  workspaceId: 'w1',
  createdBy: 'ann',
  text: 'first',
  createdAt: new Date('2026-01-01T00:00:00.123Z'),
}

test('a row is found in its workspace and nowhere else', async () => {
  const store = createNoteStore(db)
  expect(await store.insertOrFind(note)).toEqual(note)
  expect(await store.find('w1', 'note_1')).toEqual(note)
  expect(await store.find('w2', 'note_1')).toBeNull()
})

test('the same id again gives the row that is there, also when several come at once', async () => {
  const store = createNoteStore(db)
  const rows = ['one', 'two', 'three', 'four'].map((text) => ({ ...note, id: 'note_2', text }))
  const found = await Promise.all(rows.map((row) => store.insertOrFind(row)))
  expect(new Set(found.map(({ text }) => text)).size).toBe(1)
  expect(await store.find('w1', 'note_2')).toEqual(found[0])
})

test('every column of every model can be read from the migrated database, and there is no column besides', async () => {
  expect(Object.values(Prisma.ModelName)).toEqual(['Note'])
  await db.note.findFirst()
  const columns = await database.query(
    `SELECT table_name, count(*)::int AS columns FROM information_schema.columns
     WHERE table_schema = 'public' AND table_name <> '_prisma_migrations' GROUP BY 1`,
  )
  expect(columns).toEqual([{ table_name: 'note', columns: Object.keys(Prisma.NoteScalarFieldEnum).length }])
})

import { expect, test } from '@jest/globals'
import { createTestDatabase } from './postgres.ts'

test('each test file has a database of its own', async () => {
  const [one, two] = [await createTestDatabase(), await createTestDatabase()]
  await one.query('CREATE TABLE t (a int)')
  expect(await one.query("SELECT count(*)::int AS n FROM pg_tables WHERE tablename = 't'")).toEqual([{ n: 1 }])
  expect(await two.query("SELECT count(*)::int AS n FROM pg_tables WHERE tablename = 't'")).toEqual([{ n: 0 }])
  await one.drop()
  await two.drop()
})

import { Secret } from '@jan/service-kit/config'
import { Closers } from '@jan/service-kit/lifecycle'
import { silentLogger } from '@jan/service-kit/logger'
import { connectPostgres, connectPrisma } from '@jan/service-kit/postgres'
import { createTestDatabase } from '@jan/testkit/postgres'
import { expect, test } from '@jest/globals'
import { Prisma, PrismaClient } from '../src/generated/prisma/client.ts'

type Reader = { findFirst(): Promise<unknown> }

test('every column of every model can be read from the migrated database [H-32]', async () => {
  const database = await createTestDatabase({ service: 'mcp-tools' })
  const closers = new Closers()
  const options = { url: new Secret(database.url), poolMax: 1, statementTimeoutMs: 5000 }
  const pool = connectPostgres(options, silentLogger, closers)
  const db = connectPrisma(pool, closers, (adapter) => new PrismaClient({ adapter }))
  try {
    const models = Object.keys(Prisma.ModelName).map((name) => `${name[0]!.toLowerCase()}${name.slice(1)}`)
    for (const model of models) expect(await (db as unknown as Record<string, Reader>)[model]!.findFirst()).toBeNull()
  } finally {
    await closers.close(silentLogger)
    await database.drop()
  }
})

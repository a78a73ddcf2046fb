import { Secret } from '@jan/service-kit/config'
import { Closers } from '@jan/service-kit/lifecycle'
import { silentLogger } from '@jan/service-kit/logger'
import { connectPostgres, connectPrisma } from '@jan/service-kit/postgres'
import { createTestDatabase } from '@jan/testkit/postgres'
import { expect, test } from '@jest/globals'
import { Prisma, PrismaClient } from '../src/generated/prisma/client.ts'

test('every column of every model can be read from the migrated database, and there is no column besides [H-32]', async () => {
  const database = await createTestDatabase({ service: 'media-api' })
  const closers = new Closers()
  const options = { url: new Secret(database.url), poolMax: 1, statementTimeoutMs: 5000 }
  const pool = connectPostgres(options, silentLogger, closers)
  const db = connectPrisma(pool, closers, (adapter) => new PrismaClient({ adapter }))
  try {
    const models = Object.values(Prisma.ModelName)
    expect(models).toEqual(['MediaObject', 'UploadSlot', 'WorkspaceUsage'])
    expect(await db.mediaObject.findFirst()).toBeNull()
    expect(await db.uploadSlot.findFirst()).toBeNull()
    expect(await db.workspaceUsage.findFirst()).toBeNull()
    const columns = await database.query(
      `SELECT table_name, count(*)::int AS columns FROM information_schema.columns
       WHERE table_schema = 'public' AND table_name <> '_prisma_migrations' GROUP BY 1 ORDER BY 1`,
    )
    expect(columns).toEqual([
      { table_name: 'media_object', columns: Object.keys(Prisma.MediaObjectScalarFieldEnum).length },
      { table_name: 'upload_slot', columns: Object.keys(Prisma.UploadSlotScalarFieldEnum).length },
      { table_name: 'workspace_usage', columns: Object.keys(Prisma.WorkspaceUsageScalarFieldEnum).length },
    ])
  } finally {
    await closers.close(silentLogger)
    await database.drop()
  }
})

import type { PrismaClient } from '../generated/prisma/client.ts'
import { type Quota, requireWithin, type Usage } from './quota.ts'

type Holding = { workspaceId: string; bytes: number }
type Db = Pick<PrismaClient, 'workspaceUsage' | '$queryRaw' | '$executeRaw'>

export async function usageOf(db: Pick<Db, 'workspaceUsage'>, workspaceId: string): Promise<Usage> {
  const row = await db.workspaceUsage.findUnique({ where: { workspaceId } })
  return { bytes: Number(row?.bytes ?? 0), objects: row?.objects ?? 0 }
}

/** Counts an object in, within the transaction that stores it. @throws AppError over the quota, which undoes both */
export async function charge(db: Db, { workspaceId, bytes }: Holding, quota: Quota): Promise<void> {
  const [row] = await db.$queryRaw<{ bytes: bigint; objects: number }[]>`
    INSERT INTO workspace_usage AS held VALUES (${workspaceId}, ${BigInt(bytes)}, 1)
    ON CONFLICT (workspace_id) DO UPDATE SET bytes = held.bytes + excluded.bytes, objects = held.objects + 1
    RETURNING bytes, objects`
  requireWithin({ bytes: Number(row!.bytes) - bytes, objects: row!.objects - 1 }, bytes, quota)
}

/** Counts an object out again. */
export async function refund(db: Db, { workspaceId, bytes }: Holding): Promise<void> {
  await db.$executeRaw`
    UPDATE workspace_usage SET bytes = greatest(bytes - ${BigInt(bytes)}, 0), objects = greatest(objects - 1, 0)
    WHERE workspace_id = ${workspaceId}`
}

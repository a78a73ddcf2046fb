import { Prisma, type PrismaClient } from '../generated/prisma/client.ts'

/** What an admin has set in place of the file. */
export type StoredPolicy = {
  /** As it was sent, after its checks; who reads it checks it again. */
  document: unknown
  updatedAt: Date
  /** Subject of the admin. */
  updatedBy: string
}

/** The rules are the operator's: they belong to no workspace. */
export type PolicyStore = {
  find(): Promise<StoredPolicy | undefined>
  save(policy: StoredPolicy): Promise<void>
  /** False: there was none. */
  delete(): Promise<boolean>
}

const ROW = { id: 1 }

export const createPolicyStore = (db: Pick<PrismaClient, 'toolPolicy'>): PolicyStore => ({
  find: async () => {
    const row = await db.toolPolicy.findUnique({ where: ROW })
    return row ? { document: row.document, updatedAt: row.updatedAt, updatedBy: row.updatedBy } : undefined
  },
  save: async ({ document, ...by }) => {
    const values = { ...by, document: (document as Prisma.InputJsonValue | null) ?? Prisma.JsonNull }
    await db.toolPolicy.upsert({ where: ROW, create: { ...ROW, ...values }, update: values })
  },
  delete: async () => (await db.toolPolicy.deleteMany({ where: ROW })).count > 0,
})

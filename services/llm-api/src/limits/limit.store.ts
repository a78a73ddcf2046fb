import { uniqueViolation } from '@jan/service-kit/postgres-errors'
import type { Prisma, PrismaClient, CallLimit as Row } from '../generated/prisma/client.ts'

export type LimitedKind = 'user' | 'key' | 'model'
export type LimitSubject = { kind: LimitedKind; id: string }

/** How many; null is as configured, 0 is no limit. */
export type LimitValues = {
  requestsPerMinute: number | null
  tokensPerMinute: number | null
  concurrentRequests: number | null
}

/** What holds for one subject, in place of the configuration. */
export type CallLimit = LimitValues & {
  id: string
  subject: LimitSubject
  /** Subject of the admin who made it. */
  createdBy: string
  createdAt: Date
  updatedAt: Date
}

export type LimitFilter = { kind?: LimitedKind | undefined; subjectId?: string | undefined }

/** Limits are the operator's: they belong to no workspace. */
export type LimitStore = {
  /** Undefined: the subject has one already. A limit of this id is left as it is. */
  create(limit: CallLimit): Promise<CallLimit | undefined>
  find(id: string): Promise<CallLimit | undefined>
  update(id: string, change: Partial<LimitValues> & { updatedAt: Date }): Promise<CallLimit | undefined>
  delete(id: string): Promise<boolean>
  /** By id, after the one of this id: one more than `limit` if there is more. */
  list(filter: LimitFilter, page: { limit: number; after?: string | undefined }): Promise<CallLimit[]>
  all(): Promise<CallLimit[]>
  deleteOfWorkspace(workspaceId: string): Promise<void>
}

type Db = Pick<PrismaClient, 'callLimit' | '$executeRaw'>

export const createLimitStore = (db: Db): LimitStore => ({
  create: async ({ subject, ...limit }) => {
    const known = await db.callLimit.findUnique({ where: { id: limit.id } })
    if (known) return limitOf(known)
    try {
      return limitOf(
        await db.callLimit.create({ data: { ...limit, subjectKind: subject.kind, subjectId: subject.id } }),
      )
    } catch (error) {
      if (uniqueViolation(error) === undefined) throw error
      return undefined
    }
  },
  find: async (id) => optional(await db.callLimit.findUnique({ where: { id } })),
  update: async (id, data) => optional((await db.callLimit.updateManyAndReturn({ where: { id }, data }))[0]),
  delete: async (id) => (await db.callLimit.deleteMany({ where: { id } })).count > 0,
  list: async ({ kind, subjectId }, { limit, after }) => {
    const where: Prisma.CallLimitWhereInput = {
      ...(kind === undefined ? {} : { subjectKind: kind }),
      ...(subjectId === undefined ? {} : { subjectId }),
      ...(after === undefined ? {} : { id: { gt: after } }),
    }
    return (await db.callLimit.findMany({ where, orderBy: { id: 'asc' }, take: limit + 1 })).map(limitOf)
  },
  all: async () => (await db.callLimit.findMany()).map(limitOf),
  deleteOfWorkspace: async (workspaceId) => {
    await db.$executeRaw`
      DELETE FROM call_limit WHERE subject_kind = 'user' AND subject_id = ${workspaceId}
      OR subject_kind = 'key' AND subject_id IN (SELECT id::text FROM api_key WHERE workspace_id = ${workspaceId})`
  },
})

const optional = (row: Row | null | undefined) => (row ? limitOf(row) : undefined)

const limitOf = ({ subjectKind, subjectId, ...row }: Row): CallLimit => ({
  ...row,
  subject: { kind: subjectKind as LimitedKind, id: subjectId },
})

import { uniqueViolation } from '@jan/service-kit/postgres-errors'
import { Prisma, type PrismaClient, type Budget as Row } from '../generated/prisma/client.ts'
import type { Period } from './budget-period.ts'

export type SubjectKind = 'user' | 'key' | 'project'
export type Subject = { kind: SubjectKind; id: string }
export type Spent = { tokens: number; microUsd: number }

/** What a subject may use in each period. At least one of the two amounts is set; 0 is nothing at all. */
export type Budget = {
  id: string
  subject: Subject
  period: Period
  tokens: number | null
  microUsd: number | null
  /** Subject of the admin who made it. */
  createdBy: string
  createdAt: Date
  updatedAt: Date
}

export type BudgetFilter = { kind?: SubjectKind | undefined; subjectId?: string | undefined }
export type BudgetChange = Partial<Pick<Budget, 'tokens' | 'microUsd'>> & { updatedAt: Date }

/** Budgets are the operator's: they belong to no workspace, and only `ofWorkspace` is for people. */
export type BudgetStore = {
  /** Undefined: the subject has one for this period already. A budget of this id is left as it is. */
  create(budget: Budget): Promise<Budget | undefined>
  find(id: string): Promise<Budget | undefined>
  update(id: string, change: BudgetChange): Promise<Budget | undefined>
  delete(id: string): Promise<boolean>
  /** By id, after the one of this id: one more than `limit` if there is more. */
  list(filter: BudgetFilter, page: { limit: number; after?: string | undefined }): Promise<Budget[]>
  all(): Promise<Budget[]>
  /** Those of a person, and of the keys and projects of their workspace. */
  ofWorkspace(workspaceId: string): Promise<Budget[]>
  /** Whether there is such a key or project; of a person nothing is known before they come. */
  hasSubject(subject: Subject): Promise<boolean>
  deleteOfWorkspace(workspaceId: string): Promise<void>
  /** What the ledger says of days in [from, to). */
  spent(subject: Subject, from: Date, to: Date): Promise<Spent>
}

type Db = Pick<PrismaClient, 'budget' | '$queryRaw' | '$executeRaw'>

export const createBudgetStore = (db: Db): BudgetStore => ({
  create: async ({ subject, ...budget }) => {
    const known = await db.budget.findUnique({ where: { id: budget.id } })
    if (known) return budgetOf(known)
    try {
      return budgetOf(await db.budget.create({ data: { ...budget, subjectKind: subject.kind, subjectId: subject.id } }))
    } catch (error) {
      if (uniqueViolation(error) === undefined) throw error
      return undefined
    }
  },
  find: async (id) => optional(await db.budget.findUnique({ where: { id } })),
  update: async (id, data) => optional((await db.budget.updateManyAndReturn({ where: { id }, data }))[0]),
  delete: async (id) => (await db.budget.deleteMany({ where: { id } })).count > 0,
  list: async ({ kind, subjectId }, { limit, after }) => {
    const where: Prisma.BudgetWhereInput = {
      ...(kind === undefined ? {} : { subjectKind: kind }),
      ...(subjectId === undefined ? {} : { subjectId }),
      ...(after === undefined ? {} : { id: { gt: after } }),
    }
    return (await db.budget.findMany({ where, orderBy: { id: 'asc' }, take: limit + 1 })).map(budgetOf)
  },
  all: async () => (await db.budget.findMany()).map(budgetOf),
  ofWorkspace: async (workspaceId) => {
    const ids = await db.$queryRaw<{ id: string }[]>`
      SELECT id FROM budget WHERE subject_kind = 'user' AND subject_id = ${workspaceId}
      OR subject_kind = 'key' AND subject_id IN (SELECT id::text FROM api_key WHERE workspace_id = ${workspaceId})
      OR subject_kind = 'project' AND subject_id IN (SELECT id FROM project WHERE workspace_id = ${workspaceId})`
    const where = { id: { in: ids.map(({ id }) => id) } }
    return (await db.budget.findMany({ where, orderBy: { id: 'asc' } })).map(budgetOf)
  },
  hasSubject: async ({ kind, id }) => {
    if (kind === 'user') return true
    const [found] =
      kind === 'key'
        ? await db.$queryRaw<unknown[]>`SELECT 1 FROM api_key WHERE id::text = ${id}`
        : await db.$queryRaw<unknown[]>`SELECT 1 FROM project WHERE id = ${id}`
    return found !== undefined
  },
  deleteOfWorkspace: async (workspaceId) => {
    await db.$executeRaw`
      DELETE FROM budget WHERE subject_kind = 'user' AND subject_id = ${workspaceId}
      OR subject_kind = 'key' AND subject_id IN (SELECT id::text FROM api_key WHERE workspace_id = ${workspaceId})
      OR subject_kind = 'project' AND subject_id IN (SELECT id FROM project WHERE workspace_id = ${workspaceId})`
  },
  spent: async ({ kind, id }, from, to) => {
    const [day, before] = [from, to].map((at) => at.toISOString().slice(0, 10))
    const [row] = await db.$queryRaw<Spent[]>`
      SELECT coalesce(sum(prompt_tokens + completion_tokens), 0)::float8 AS tokens,
        coalesce(sum(cost_micro_usd), 0)::float8 AS "microUsd"
      FROM usage_day WHERE ${COLUMNS[kind]} = ${id} AND day >= ${day}::date AND day < ${before}::date`
    return row!
  },
})

/** Said so, the index of rows that have one is good for it. */
const COLUMNS: Record<SubjectKind, Prisma.Sql> = {
  user: Prisma.sql`created_by`,
  key: Prisma.sql`key_id <> '' AND key_id`,
  project: Prisma.sql`project_id <> '' AND project_id`,
}

const optional = (row: Row | null | undefined) => (row ? budgetOf(row) : undefined)

const budgetOf = ({ subjectKind, subjectId, tokens, microUsd, period, ...row }: Row): Budget => ({
  ...row,
  subject: { kind: subjectKind as SubjectKind, id: subjectId },
  period: period as Period,
  tokens: tokens === null ? null : Number(tokens),
  microUsd: microUsd === null ? null : Number(microUsd),
})

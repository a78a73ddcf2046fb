import type { PageQuery } from '@jan/service-kit/page'
import { pagesOf } from '@jan/service-kit/workspace-routes'
import type { Prisma, PrismaClient, AuditEvent as Row } from '../generated/prisma/client.ts'

export type AuditEvent = Omit<Row, 'seq' | 'details'> & { details: Record<string, unknown> }

export type AuditFilter = {
  act?: string | undefined
  actor?: string | undefined
  target?: string | undefined
  since?: Date | undefined
  until?: Date | undefined
}

/** The audit log: rows are added and read, and nothing else. */
export type AuditStore = {
  append(event: AuditEvent): Promise<void>
  /** One page, and one event more if there is more. Undefined: no such cursor. */
  list(filter: AuditFilter, page: PageQuery): Promise<AuditEvent[] | undefined>
  /** What a person did, oldest first. */
  of(actor: string): AsyncIterable<AuditEvent>
}

const PAGE = 500

export const createAuditStore = (prisma: PrismaClient): AuditStore => ({
  append: async ({ details, ...event }) => {
    await prisma.auditEvent.create({ data: { ...event, details: JSON.stringify(details) } })
  },
  list: async (filter, { limit, order, after, before }) => {
    const cursors = [after, before].flatMap((id) => (id === undefined ? [] : [id]))
    const known = await prisma.auditEvent.findMany({ where: { id: { in: cursors } }, select: { id: true, seq: true } })
    if (known.length < new Set(cursors).size) return undefined
    const seqOf = (id: string | undefined) => known.find((each) => each.id === id)?.seq
    const [later, earlier] = order === 'asc' ? [after, before] : [before, after]
    const where: Prisma.AuditEventWhereInput = {
      ...only('act', filter.act),
      ...only('actor', filter.actor),
      ...only('target', filter.target),
      at: { ...only('gte', filter.since), ...only('lt', filter.until) },
      seq: { ...only('gt', seqOf(later)), ...only('lt', seqOf(earlier)) },
    }
    const rows = await prisma.auditEvent.findMany({ where, orderBy: { seq: order }, take: limit + 1 })
    return rows.map(eventOf)
  },
  of: async function* (actor) {
    const rows = pagesOf<Row>((last) =>
      prisma.auditEvent.findMany({
        where: { actor, seq: { gt: last?.seq ?? 0 } },
        orderBy: { seq: 'asc' },
        take: PAGE,
      }),
    )
    for await (const row of rows) yield eventOf(row)
  },
})

const eventOf = ({ seq: _seq, details, ...event }: Row): AuditEvent => ({ ...event, details: JSON.parse(details) })

const only = <K extends string, T>(name: K, value: T | undefined) =>
  (value === undefined ? {} : { [name]: value }) as { [key in K]?: T }

import { writeJson } from '@jan/service-kit/json-body'
import type { PageQuery } from '@jan/service-kit/page'
import { uniqueViolation } from '@jan/service-kit/postgres-errors'
import { pagesOf } from '@jan/service-kit/workspace-routes'
import { Prisma, type PrismaClient, type Response } from '../generated/prisma/client.ts'
import type { ResponseRecord, RunResult } from './present-response.ts'
import { emptyResult } from './present-response.ts'
import type { Item } from './response.schema.ts'

export type StoredResponse = { record: ResponseRecord; input: Item[] }

const PAGE = 100

export type Owner = { workspaceId: string; createdBy: string }

export type ResponseStore = {
  /** @returns false when there is one with this id, which only an earlier try of the same request can have made */
  create(owner: Owner, record: ResponseRecord, input: Item[]): Promise<boolean>
  /** Takes back a response whose run came to nothing. */
  discard(workspaceId: string, run: Pick<ResponseRecord, 'id' | 'epoch'>): Promise<void>
  /** Makes it the next try's, in progress: from now on nothing that an earlier try writes is stored. @returns its epoch */
  takeOver(workspaceId: string, id: string): Promise<number>
  /** Forgets what earlier tries have told and made. */
  startAgain(record: Pick<ResponseRecord, 'id' | 'createdAt'>): Promise<void>
  find(workspaceId: string, id: string): Promise<ResponseRecord | undefined>
  /** All of a workspace with what they were given and gave, by id. */
  all(workspaceId: string): AsyncIterable<StoredResponse>
  deleteAll(workspaceId: string): Promise<void>
  /** Everything that was said up to the end of this response: the responses before it, its input and its output. */
  context(workspaceId: string, id: string): Promise<Item[]>
  /** How large that is, in bytes, without loading it. */
  contextSize(workspaceId: string, id: string): Promise<number>
  /** One page, and one item more if there is more, of all that this response was given. Undefined: no such cursor. */
  listInput(workspaceId: string, id: string, page: PageQuery): Promise<Item[] | undefined>
}

const ID = /^resp_[0-9a-z]{24}$/

export function createResponseStore(db: PrismaClient): ResponseStore {
  return {
    create: async (owner, record, input) => {
      const created = db.$transaction([
        db.response.create({
          data: {
            ...owner,
            id: record.id,
            epoch: record.epoch,
            status: record.status,
            model: record.model,
            previousResponseId: record.previousResponseId,
            request: writeJson(record.settings),
            createdAt: new Date(record.createdAt),
          },
        }),
        db.responseItem.createMany({ data: itemRows(record.id, 'input', input) }),
      ])
      return created.then(
        () => true,
        (error: unknown) => {
          if (uniqueViolation(error)) return false
          throw error
        },
      )
    },
    discard: async (workspaceId, { id, epoch }) => {
      await db.response.deleteMany({ where: { id, epoch, workspaceId } })
    },
    takeOver: async (workspaceId, id) => {
      const { epoch } = await db.response.update({
        where: { id, workspaceId },
        data: { epoch: { increment: 1 }, status: 'in_progress', completedAt: null, result: null },
      })
      return epoch
    },
    startAgain: async ({ id, createdAt }) => {
      await db.$transaction([
        db.responseEvent.deleteMany({ where: { responseId: id } }),
        db.responseItem.deleteMany({ where: { responseId: id, direction: 'output' } }),
        db.response.update({ where: { id }, data: { createdAt: new Date(createdAt) } }),
      ])
    },
    find: async (workspaceId, id) => {
      // What is no id of ours is not worth a question, and may hold what PostgreSQL refuses.
      if (!ID.test(id)) return undefined
      const row = await db.response.findFirst({
        where: { id, workspaceId },
        include: { items: { where: { direction: 'output' }, orderBy: { position: 'asc' } } },
      })
      return row ? recordOf(row, row.items.map(readItem)) : undefined
    },
    all: (workspaceId) =>
      pagesOf<StoredResponse>(async (last) => {
        const rows = await db.response.findMany({
          where: { workspaceId, id: { gt: last?.record.id ?? '' } },
          include: { items: { orderBy: { position: 'asc' } } },
          orderBy: { id: 'asc' },
          take: PAGE,
        })
        return rows.map(({ items, ...row }) => ({
          record: recordOf(row, items.filter(({ direction }) => direction === 'output').map(readItem)),
          input: items.filter(({ direction }) => direction === 'input').map(readItem),
        }))
      }),
    deleteAll: async (workspaceId) => {
      await db.response.deleteMany({ where: { workspaceId } })
    },
    context: async (workspaceId, id) => {
      const rows = await db.$queryRaw<ItemRow[]>`${contextOf(workspaceId, id)} SELECT item FROM context ORDER BY place`
      return rows.map(readItem)
    },
    contextSize: async (workspaceId, id) => {
      const rows = await db.$queryRaw<{ bytes: number }[]>`${contextOf(workspaceId, id)}
        SELECT coalesce(sum(octet_length(item)), 0)::float8 AS bytes FROM context`
      return rows[0]?.bytes ?? 0
    },
    listInput: async (workspaceId, id, { limit, order, after, before }) => {
      const cursors = [after, before].flatMap((cursor) => (cursor === undefined ? [] : [cursor]))
      // PostgreSQL takes no NUL, and no item has one in its id.
      if (cursors.some((cursor) => cursor.includes('\u0000'))) return undefined
      const context = contextOf(workspaceId, id, order === 'asc' ? 1 : -1, true)
      const placeOf = (cursor: string) => Prisma.sql`(SELECT min(place) FROM context WHERE item_id = ${cursor})`
      const rows = await db.$queryRaw<ItemRow[]>`${context}
        SELECT item FROM context
        WHERE ${after === undefined ? Prisma.sql`true` : Prisma.sql`place > ${placeOf(after)}`}
          AND ${before === undefined ? Prisma.sql`true` : Prisma.sql`place < ${placeOf(before)}`}
        ORDER BY place LIMIT ${limit + 1}`
      if (rows.length > 0 || cursors.length === 0) return rows.map(readItem)
      const known = await db.$queryRaw<{ n: number }[]>`${context}
        SELECT count(DISTINCT item_id)::int AS n FROM context WHERE item_id IN (${Prisma.join(cursors)})`
      return known[0]?.n === new Set(cursors).size ? [] : undefined
    },
  }
}

type ItemRow = { item: string }

/**
 * `context(item_id, item, place)`: the items of the chain of responses that ends with `id`, in the order they were said.
 * `direction` -1 turns the order round; `inputOnly` leaves the output of the last response out.
 */
const contextOf = (workspaceId: string, id: string, direction: 1 | -1 = 1, inputOnly = false) => Prisma.sql`
  WITH RECURSIVE chain AS (
    SELECT id, previous_response_id, 0 AS depth FROM response WHERE id = ${id} AND workspace_id = ${workspaceId}
    UNION ALL
    SELECT earlier.id, earlier.previous_response_id, chain.depth + 1
    FROM chain JOIN response earlier ON earlier.id = chain.previous_response_id AND earlier.workspace_id = ${workspaceId}
  ),
  context AS (
    SELECT i.item_id, i.item,
      ${direction}::int * row_number() OVER (ORDER BY chain.depth DESC, i.direction, i.position) AS place
    FROM chain JOIN response_item i ON i.response_id = chain.id
    WHERE NOT (${inputOnly} AND i.direction = 'output' AND chain.depth = 0)
  )`

/** Rows of `items` from `position` 0 on. */
export const itemRows = (responseId: string, direction: 'input' | 'output', items: Item[]) =>
  items.map((item, position) => ({
    responseId,
    direction,
    position,
    itemId: item.id,
    item: writeJson(item),
  }))

const readItem = ({ item }: ItemRow) => JSON.parse(item) as Item

const recordOf = (row: Response, output: Item[]): ResponseRecord => ({
  id: row.id,
  epoch: row.epoch,
  status: row.status as ResponseRecord['status'],
  createdAt: row.createdAt.getTime(),
  completedAt: row.completedAt?.getTime() ?? null,
  model: row.model,
  previousResponseId: row.previousResponseId,
  settings: JSON.parse(row.request) as Record<string, unknown>,
  output,
  result: row.result === null ? emptyResult : (JSON.parse(row.result) as RunResult),
})

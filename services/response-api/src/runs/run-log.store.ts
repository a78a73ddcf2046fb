import { setTimeout as sleep } from 'node:timers/promises'
import { AppError, toAppError } from '@jan/service-kit/errors'
import { isDatabaseDown } from '@jan/service-kit/postgres-errors'
import { Prisma, type PrismaClient } from '../generated/prisma/client.ts'
import type { ResponseRecord } from '../responses/present-response.ts'
import { itemRows } from '../responses/response.store.ts'

/** An event as it is sent: `data` is JSON, and holds the sequence number too. */
export type WireEvent = { sequence: number; type: string; data: string }

/** Where the events of one run live. Nobody reads an event before it is committed. */
export type RunLog = {
  /** Takes events in the order of their numbers. They are committed in groups: what gathers while a commit is under way is the next one. */
  append(events: WireEvent[]): void
  /** How many events wait for their commit. */
  backlog(): number
  /** Waits until everything appended is committed. @throws when it cannot be stored */
  committed(): Promise<void>
  /** The last events together with how the response ended, in one commit. */
  finish(events: WireEvent[], record: ResponseRecord): Promise<void>
  /** Committed events as they come, until the run has finished; for one reader. @throws when the log failed */
  read(): AsyncGenerator<WireEvent>
  /** Gives the run up: its readers are told. */
  fail(error: unknown): void
  /** Aborted when events cannot be stored: then the run must stop. */
  signal: AbortSignal
}

/** `isRead`: somebody will read the events as they come. Without a reader none are kept in memory. */
export type RunLogs = {
  /** Fails as soon as a later epoch has begun. */
  stored(run: Run, isRead: boolean): RunLog
  inMemory(isRead: boolean): RunLog
  /** All committed events of a stored run, from the first; `storedAt` in ms since 1970. */
  readStored(workspaceId: string, responseId: string): AsyncGenerator<WireEvent & { storedAt: number }>
}

type Run = Pick<ResponseRecord, 'id' | 'epoch'>
type Save = (events: WireEvent[], final?: ResponseRecord) => Promise<void>

export const createRunLogs = (db: PrismaClient): RunLogs => ({
  stored: (run, isRead) => openRunLog((events, final) => patiently(() => save(db, run, events, final)), isRead),
  inMemory: (isRead) => openRunLog(async () => undefined, isRead),
  readStored: (workspaceId, responseId) => readStored(db, workspaceId, responseId),
})

const PAGE = 500

async function* readStored(
  db: PrismaClient,
  workspaceId: string,
  responseId: string,
): ReturnType<RunLogs['readStored']> {
  for (let next = 0; ; ) {
    const rows = await db.responseEvent.findMany({
      where: { responseId, response: { workspaceId }, sequenceNumber: { gte: next } },
      orderBy: { sequenceNumber: 'asc' },
      take: PAGE,
    })
    for (const { sequenceNumber: sequence, type, data, createdAt } of rows)
      yield { sequence, type, data, storedAt: createdAt.getTime() }
    const last = rows[PAGE - 1]
    if (!last) return
    next = last.sequenceNumber + 1
  }
}

/**
 * Saving twice changes nothing, so a commit whose answer was lost may be repeated.
 * @throws AppError `conflict` when another try has taken the response over: then nothing is stored
 */
async function save(db: PrismaClient, { id, epoch }: Run, events: WireEvent[], final?: ResponseRecord): Promise<void> {
  const mine = Prisma.sql`id = ${id} AND epoch = ${epoch}`
  // A repeated commit finds the run ended, by itself.
  const run = final
    ? Prisma.sql`
      UPDATE response SET status = ${final.status}, model = ${final.model}, result = ${JSON.stringify(final.result)},
        completed_at = ${new Date(final.completedAt ?? final.createdAt)}
      WHERE ${mine} RETURNING id`
    : // The next try waits for this commit, or this one finds the next epoch.
      Prisma.sql`SELECT id FROM response WHERE ${mine} FOR SHARE`
  const items = itemRows(id, 'output', final?.output ?? [])
  const rows = await db.$queryRaw<unknown[]>`
    WITH run AS (${run}),
    put_events AS (
      INSERT INTO response_event (response_id, sequence_number, type, data)
      SELECT run.id, event.* FROM run, unnest(
        ${events.map(({ sequence }) => sequence)}::int[],
        ${events.map(({ type }) => type)}::text[],
        ${events.map(({ data }) => data)}::text[]) AS event
      ON CONFLICT DO NOTHING),
    put_items AS (
      INSERT INTO response_item (response_id, direction, position, item_id, item)
      SELECT run.id, 'output', item.* FROM run, unnest(
        ${items.map(({ position }) => position)}::int[],
        ${items.map(({ itemId }) => itemId)}::text[],
        ${items.map(({ item }) => item)}::text[]) AS item
      ON CONFLICT DO NOTHING)
    SELECT FROM run`
  if (rows.length === 0) throw new AppError('conflict', 'Another try of this request has taken the response over')
}

/** Together long enough for PostgreSQL to restart. */
const WAITS_MS = [50, 200, 500, 1000, 2000, 4000, 8000]

/** A database that restarts must not fail the runs of everybody. */
async function patiently(work: () => Promise<void>): Promise<void> {
  for (const wait of WAITS_MS) {
    try {
      return await work()
    } catch (error) {
      if (!isDatabaseDown(error)) throw error
      await sleep(wait)
    }
  }
  return work()
}

export function openRunLog(save: Save, isRead = true): RunLog {
  const waiting: WireEvent[] = []
  const readable: WireEvent[] = []
  const failed = new AbortController()
  let flushing: Promise<void> | undefined
  let finished = false
  let news = Promise.withResolvers<void>()

  const publish = (events: WireEvent[]) => {
    if (isRead) readable.push(...events)
    news.resolve()
    news = Promise.withResolvers()
  }
  const fail = (error: unknown) => {
    failed.abort(toAppError(error))
    publish([])
  }
  const store = async (events: WireEvent[], final?: ResponseRecord) => {
    try {
      await save(events, final)
      finished = final !== undefined
      publish(events)
    } catch (error) {
      fail(error)
    }
  }
  const flush = async () => {
    // What is appended in the same moment goes into the same commit.
    await undefined
    while (waiting.length > 0 && !failed.signal.aborted) await store(waiting.splice(0))
    flushing = undefined
  }
  const committed = async () => {
    await flushing
    failed.signal.throwIfAborted()
  }
  return {
    fail,
    signal: failed.signal,
    append: (events) => {
      waiting.push(...events)
      flushing ??= flush()
    },
    backlog: () => waiting.length,
    committed,
    finish: async (events, record) => {
      await committed()
      await store(events, record)
      failed.signal.throwIfAborted()
    },
    read: async function* () {
      for (;;) {
        yield* readable.splice(0)
        failed.signal.throwIfAborted()
        if (finished && readable.length === 0) return
        if (readable.length === 0) await news.promise
      }
    },
  }
}

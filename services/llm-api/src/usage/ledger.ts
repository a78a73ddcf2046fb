import type { Logger } from '@jan/service-kit/logger'
import type { LedgerStore } from './ledger.store.ts'
import type { ModelCall } from './model-call.ts'

/** Rows on their way into the database. */
export type Ledger = {
  /** Takes a row, which is written a moment later, with others. Never waits, never fails. */
  add(row: ModelCall): void
  /** Rows that are not known to be written. */
  waiting(): Iterable<ModelCall>
  /** How many they are. */
  size(): number
  /** Tries to write all that was added until now. @throws Error of the database */
  flush(): Promise<void>
  /** Writes what is left, for at most `CLOSE_MS`; a row that comes later is written at once. */
  close(): Promise<void>
}

export type LedgerOptions = {
  store: Pick<LedgerStore, 'write'>
  /** Rows that are in the database from now on. */
  onWritten: (rows: ModelCall[]) => void
  /** Rows that never will be. */
  onLost: (count: number) => void
  log: Logger
  /** Test seams. */
  most?: number
  closeMs?: number
}

/** Short: what the database has to do for many at once is felt by all who share its machine. */
const EVERY_MS = 20
/** Rows that are worth a statement before their time. */
const ENOUGH = 200
const MOST_AT_ONCE = 500
const MOST_WAITING = 50_000
const MOST_BETWEEN_TRIES_MS = 5_000
const CLOSE_MS = 8_000

/**
 * Writes rows in batches, one statement at a time. While the database is away they wait, up to a number beyond which
 * the newest are lost, counted and said. A row that the database refuses is lost alone: it must not hold up the rest.
 */
export function createLedger({
  store,
  onWritten,
  onLost,
  log,
  most = MOST_WAITING,
  closeMs = CLOSE_MS,
}: LedgerOptions): Ledger {
  let rows: ModelCall[] = []
  let sent: ModelCall[] = []
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> | undefined
  let failures = 0
  let isClosed = false

  const lose = (count: number, error?: unknown) => {
    onLost(count)
    log.error({ rows: count, ...(error === undefined ? {} : { err: error }) }, 'calls are lost for the ledger')
  }

  const schedule = () => {
    const wait = Math.min(MOST_BETWEEN_TRIES_MS, EVERY_MS * 2 ** failures)
    timer ??= setTimeout(() => void flush().catch(() => undefined), isClosed ? 0 : wait).unref()
  }

  const settle = (batch: ModelCall[]) => {
    sent = batch.length === sent.length ? [] : sent.filter((row) => !batch.includes(row))
  }

  const write = async (batch: ModelCall[]): Promise<void> => {
    try {
      await store.write(batch)
      settle(batch)
      onWritten(batch)
    } catch (error) {
      if (!isOfData(error)) throw error
      if (batch.length === 1) {
        settle(batch)
        lose(1, error)
        return
      }
      const half = Math.ceil(batch.length / 2)
      await write(batch.slice(0, half))
      await write(batch.slice(half))
    }
  }

  const writeAll = async () => {
    clearTimeout(timer)
    timer = undefined
    try {
      // Those that come meanwhile have a time of their own.
      for (let left = rows.length; left > 0; left -= MOST_AT_ONCE) {
        sent = rows.slice(0, Math.min(left, MOST_AT_ONCE))
        rows = rows.slice(sent.length)
        await write(sent)
      }
      if (failures > 0) log.info('the ledger is written again')
      failures = 0
    } catch (error) {
      // Those of them that are in the database already are left as they are by the next try.
      rows = sent.concat(rows)
      sent = []
      if (failures === 0)
        log.warn({ err: error, rows: rows.length }, 'the ledger could not be written; it is tried again')
      failures = Math.min(failures + 1, 10)
      throw error
    }
  }

  const flush = (): Promise<void> => {
    writing ??= writeAll().finally(() => {
      writing = undefined
      if (rows.length > 0) schedule()
    })
    return writing
  }

  return {
    add(row) {
      if (rows.length + sent.length >= most) return lose(1)
      rows.push(row)
      if (writing) return
      if (rows.length >= ENOUGH && failures === 0) void flush().catch(() => undefined)
      else schedule()
    },
    *waiting() {
      yield* sent
      yield* rows
    },
    size: () => rows.length + sent.length,
    flush: async () => {
      // One that is under way may have begun before the newest row was added.
      await writing
      await flush()
    },
    async close() {
      isClosed = true
      const deadline = performance.now() + closeMs
      for (; rows.length + sent.length > 0 && performance.now() < deadline; await pause(failures > 0 ? 100 : 0))
        await flush().catch(() => undefined)
      clearTimeout(timer)
      if (rows.length + sent.length > 0) lose(rows.length + sent.length)
    },
  }
}

/** SQLSTATE of what is wrong with a row, and will be at every try. */
const isOfData = (error: unknown) => /^2[23]/.test(String((error as { code?: unknown } | null)?.code))

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))

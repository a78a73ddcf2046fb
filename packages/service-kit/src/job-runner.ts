import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  Logger as GraphileLogger,
  type ParsedCronItem,
  type Runner,
  run,
  type TaskList,
  type WorkerEvents,
} from 'graphile-worker'
import type pg from 'pg'
import type { Logger } from './logger.ts'

/** Graphile's own name for it; stated, because it could be changed by a variable. */
export const JOBS_SCHEMA = 'graphile_worker'
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
/** Graphile's clean-up may wait a minute for a database that is away; a stop does not. */
const STOP_MS = 2_000

/** Graphile tells of every attempt to reconnect, and of failures with their stacks: for those who look closely only. */
export const quietly = (log?: Logger) =>
  new GraphileLogger(() => (level, message) => log?.debug({ graphile: level }, message))

export type JobRunner = {
  start(tasks: TaskList): void
  /** To be called when the database answers: workers that still cannot read the queue are replaced. */
  mend(): void
  /** Asks for no more jobs, waits until those that run are drained, and then at most 2 s for graphile to store their ends. */
  stop(drain: () => Promise<void>): Promise<void>
}

export type JobRunnerOptions = { pool: pg.Pool; log: Logger; cronItems: ParsedCronItem[]; concurrency: number }

/**
 * Graphile's runner, kept alive: it refuses to start without a database, and shuts itself down for good when the end of
 * a job cannot be stored. A new one then takes its place while the jobs of the old one go on.
 */
export function createJobRunner({ pool, log, cronItems, concurrency }: JobRunnerOptions): JobRunner {
  const stopping = new AbortController()
  let runner: Runner | undefined
  let away = false

  const isAway = (err: unknown) => {
    if (!away && !stopping.signal.aborted) log.warn({ err }, 'jobs wait: their queue cannot be read')
    away = true
  }
  const isBack = () => {
    if (away) log.info('jobs go on')
    away = false
  }

  const launch = async (tasks: TaskList): Promise<void> => {
    for (let pause = FIRST_PAUSE_MS; !stopping.signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      const events: WorkerEvents = new EventEmitter()
      events.on('worker:getJob:error', ({ error }) => isAway(error))
      events.on('worker:getJob:empty', isBack)
      events.on('job:start', isBack)
      events.on('pool:fatalError', ({ error }) => log.warn({ err: error }, 'how a job ended could not be stored'))
      events.once('pool:gracefulShutdown', () => stopping.signal.aborted || void launch(tasks))
      try {
        runner = await run({
          pgPool: pool,
          schema: JOBS_SCHEMA,
          logger: quietly(log),
          events,
          taskList: tasks,
          parsedCronItems: cronItems,
          concurrency,
          noHandleSignals: true,
          // Without batches graphile waits for nobody to store how a job ended: a failure there would end the process.
          preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
        })
        // What it rejects with has been told by its events.
        runner.promise.catch(() => undefined)
        if (stopping.signal.aborted) await end()
        return
      } catch (error) {
        isAway(error)
        await sleep(pause, undefined, { signal: stopping.signal }).catch(() => undefined)
      }
    }
  }
  const end = () => runner?.stop().catch((error: unknown) => log.debug({ err: error }, 'graphile did not stop cleanly'))

  return {
    start: (tasks) => void launch(tasks),
    // Graphile remembers for ever when its very first query failed.
    mend: () => {
      if (away) void end()
    },
    stop: async (drain) => {
      stopping.abort()
      const ended = end()
      await drain()
      await Promise.race([ended, sleep(STOP_MS, undefined, { ref: false })])
    },
  }
}

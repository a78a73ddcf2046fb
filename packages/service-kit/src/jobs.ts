import { parseCronItems, runMigrations } from 'graphile-worker'
import pg from 'pg'
import type { z } from 'zod'
import { createAttempts } from './job-attempts.ts'
import { createJobLease } from './job-lease.ts'
import { createJobRunner, JOBS_SCHEMA, quietly } from './job-runner.ts'
import type { Logger } from './logger.ts'
import type { HttpMetrics } from './metrics.ts'

export type JobContext = {
  /** Aborted when the job runs too long, when the process stops, and when the job is no longer ours. Must be heeded. */
  signal: AbortSignal
  log: Logger
  /** 1 the first time. */
  attempt: number
  jobId: string
}

export type Job<S extends z.ZodObject, D> = {
  name: string
  payload: S
  maxAttempts: number
  timeoutMs: number
  run: (deps: D, payload: z.output<S>, context: JobContext) => Promise<unknown>
}

/** A job of any payload. */
export type AnyJob<D> = Omit<Job<z.ZodObject, D>, 'run'> & {
  run: (deps: D, payload: never, context: JobContext) => Promise<unknown>
}

type JobDefinition<S extends z.ZodObject, D> = Omit<Job<S, D>, 'maxAttempts' | 'timeoutMs'> &
  Partial<Pick<Job<S, D>, 'maxAttempts' | 'timeoutMs'>>

/**
 * Work that outlives the request that asked for it. It runs at least once: a process may die after the work and before
 * it is recorded, so `run` must bear being repeated. A job that throws, or takes longer than `timeoutMs` (5 minutes),
 * is tried again after e^attempt seconds (at most 6 hours), `maxAttempts` times (25: about 4 days).
 * The payload is JSON, stored and readable by operators: ids, never a token, a key or a password.
 * `name` is snake_case, verb first, and stays: waiting jobs carry it.
 */
export const defineJob = <S extends z.ZodObject, D>(definition: JobDefinition<S, D>): Job<S, D> => ({
  maxAttempts: 25,
  timeoutMs: 300_000,
  ...definition,
})

/** A connection in a transaction: of `pg`, or the `tx` of Prisma's `$transaction`. */
export type Transaction =
  | { query(sql: string, values: unknown[]): PromiseLike<{ rows: unknown[] }> }
  | { $queryRawUnsafe<T>(sql: string, ...values: unknown[]): PromiseLike<T> }

export type AddOptions = {
  /** The job exists when this transaction commits, and only then. Without it, it exists at once. */
  db?: Transaction
  runAt?: Date
  /** While a job of this name and key waits, it is replaced (payload, time, attempts) instead of joined by another. */
  key?: string
}

export type JobQueue = {
  /**
   * @returns the job's id
   * @throws ZodError for a payload that does not fit, Error for a job that no process of this service would run
   */
  add<S extends z.ZodObject>(job: Job<S, never>, payload: z.input<S>, options?: AddOptions): Promise<string>
}

export type Jobs<D> = JobQueue & {
  /** Begins to take jobs; waits for nothing, and for a PostgreSQL that is away as long as it takes. */
  start(deps: D): void
  /** Takes no more jobs, aborts those that run, and gives back what has not ended after `graceMs`. */
  stop(): Promise<void>
}

/** When a job is added by itself: `cron` is five fields in UTC. Once over all replicas; a missed time is made up for within a day. */
export type Schedule = { job: AnyJob<never>; cron: string; payload?: Record<string, unknown> }

export type JobsOptions<D> = {
  /** One connection is held to be told of new jobs; others are used for moments. */
  pool: pg.Pool
  log: Logger
  metrics: Pick<HttpMetrics, 'counter'>
  jobs: AnyJob<D>[]
  schedules?: Schedule[]
  /** Most jobs at a time in this process (5). */
  concurrency?: number
  /** How long an aborted job may take to end, in ms (5000). */
  graceMs?: number
  /** How long a process may be silent before its jobs are given to others, in ms (45000). */
  leaseMs?: number
}

const DAY_MS = 86_400_000
const BEATS_PER_LEASE = 4

/** Jobs in the service's own PostgreSQL, of which `prepareJobs` has made the tables (docs/adr/0008). */
export function createJobs<D>(options: JobsOptions<D>): Jobs<D> {
  const { pool, log, jobs, schedules = [], concurrency = 5, graceMs = 5_000, leaseMs = 45_000 } = options
  if (pool.options.max < 2) throw new Error('Jobs need a pool of at least 2 connections: one is held to listen')
  if (jobs.length === 0) throw new Error('There is no job to run')
  const byName = new Map<string, AnyJob<D>>(jobs.map((job) => [job.name, job]))
  if (byName.size < jobs.length) throw new Error('Two jobs have the same name')
  const requireKnown = ({ name }: { name: string }) => {
    if (!byName.has(name)) throw new Error(`Job '${name}' is not among the jobs of this service`)
  }
  const attempts = createAttempts({
    lease: createJobLease(pool, leaseMs),
    log,
    metrics: options.metrics,
    graceMs,
    leaseMs,
  })
  const cronItems = parseCronItems(
    schedules.map(({ job, cron, payload = {} }) => {
      requireKnown(job)
      job.payload.parse(payload)
      const identifier = `${job.name} ${cron}`
      // The key keeps late runs from piling up: the next one takes the place of one that still waits.
      const keyed = { jobKey: identifier, maxAttempts: job.maxAttempts, backfillPeriod: DAY_MS }
      return { task: job.name, match: cron, identifier, payload, options: keyed }
    }),
  )
  const runner = createJobRunner({ pool, log, cronItems, concurrency })
  let beat: NodeJS.Timeout | undefined
  let isSilent = false
  const keepAlive = async () => {
    try {
      await attempts.beat()
      isSilent = false
      runner.mend()
    } catch (err) {
      if (!isSilent) log.warn({ err }, 'this process cannot say that its jobs are alive')
      isSilent = true
    }
  }

  return {
    add: async (job, payload, { db = pool, runAt, key } = {}) => {
      requireKnown(job)
      job.payload.parse(payload)
      const values = [job.name, JSON.stringify(payload), runAt?.toISOString() ?? null, job.maxAttempts]
      const [row] = await queryIn(db, ADD, [...values, key === undefined ? null : `${job.name}:${key}`])
      return row!.id
    },
    start: (deps) => {
      runner.start(
        Object.fromEntries(
          jobs.map((job) => [job.name, (payload, { job: row }) => attempts.run(deps, job, payload, row)]),
        ),
      )
      beat = setInterval(() => void keepAlive(), leaseMs / BEATS_PER_LEASE)
    },
    stop: async () => {
      await runner.stop(attempts.stop)
      clearInterval(beat)
    },
  }
}

const ADD = `SELECT id::text AS id FROM ${JOBS_SCHEMA}.add_job(
  $1::text, $2::json, run_at => $3::timestamptz, max_attempts => $4::int, job_key => $5::text)`

async function queryIn(db: Transaction, sql: string, values: unknown[]): Promise<{ id: string }[]> {
  if ('$queryRawUnsafe' in db) return db.$queryRawUnsafe(sql, ...values)
  return (await db.query(sql, values)).rows as { id: string }[]
}

/** Of an advisory lock: `janj` in ASCII. */
const LOCK = 0x6a616e6a

/** Makes or upgrades the tables of the jobs. Several processes may call it at once: one works, the others wait. */
export async function prepareJobs(url: string): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  try {
    const guard = await pool.connect()
    try {
      await guard.query('SELECT pg_advisory_lock($1)', [LOCK])
      await runMigrations({ pgPool: pool, schema: JOBS_SCHEMA, logger: quietly() })
    } finally {
      guard.release(true)
    }
  } finally {
    await pool.end()
  }
}

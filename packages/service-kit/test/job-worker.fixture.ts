import type { TestDatabase } from '@jan/testkit/postgres'
import { pino } from 'pino'
import { Secret } from '../src/config.ts'
import { createJobs, type Jobs, type JobsOptions } from '../src/jobs.ts'
import { Closers } from '../src/lifecycle.ts'
import { silentLogger } from '../src/logger.ts'
import { createMetrics } from '../src/metrics.ts'
import { connectPostgres } from '../src/postgres.ts'

export type Line = { level: number; msg: string; job?: string; jobId?: string; attempt?: number; nextTry?: string }

export type JobWorker<D> = {
  jobs: Jobs<D>
  pool: ReturnType<typeof connectPostgres>
  /** What it said at level info and above. */
  lines: Line[]
  said(msg: string, job?: string): Line[]
  /** The value of `jobs_total`. */
  counted(job: string, outcome: string): Promise<number>
  stop(): Promise<unknown>
}

/** One replica: jobs over a pool of their own, as a service has them. Not started. */
export function createJobWorker<D>(
  url: string,
  options: Omit<JobsOptions<D>, 'pool' | 'log' | 'metrics'>,
): JobWorker<D> {
  const lines: Line[] = []
  const log = pino({ level: 'info' }, { write: (text: string) => void lines.push(JSON.parse(text)) })
  const closers = new Closers()
  const pool = connectPostgres({ url: new Secret(url), poolMax: 8, statementTimeoutMs: 5_000 }, log, closers)
  const metrics = createMetrics('test')
  const jobs = closers.add('jobs', createJobs<D>({ pool, log, metrics, ...options }), (each) => each.stop())
  return {
    jobs,
    pool,
    lines,
    said: (msg, job) => lines.filter((line) => line.msg === msg && (job === undefined || line.job === job)),
    counted: async (job, outcome) => {
      const { values } = await metrics.registry.getSingleMetric('jobs_total')!.get()
      return values.find(({ labels }) => labels.job === job && labels.outcome === outcome)?.value ?? 0
    },
    stop: () => closers.close(silentLogger),
  }
}

/** Every job that waits is due now, and the workers are told. */
export const makeDue = (database: TestDatabase) =>
  database.query(`WITH due AS (UPDATE graphile_worker._private_jobs SET run_at = now() WHERE locked_at IS NULL)
    SELECT pg_notify('jobs:insert', '{"count":9}')`)

export const storedJobs = (database: TestDatabase) =>
  database.query(`SELECT tasks.identifier AS name, jobs.id::text AS id, attempts, locked_by AS holder, last_error AS error
    FROM graphile_worker._private_jobs AS jobs JOIN graphile_worker._private_tasks AS tasks ON tasks.id = task_id
    ORDER BY jobs.id`)

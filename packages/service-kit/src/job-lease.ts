import type { Job as JobRow } from 'graphile-worker'
import type pg from 'pg'
import { JOBS_SCHEMA } from './job-runner.ts'

export type Abandoned = { name: string; id: string; attempt: number; maxAttempts: number; nextTry: Date }

/**
 * Graphile's `locked_at` kept as a lease: a process renews it while it runs the job, and any process frees the jobs
 * whose lease ran out. All times are PostgreSQL's.
 */
export type JobLease = {
  /** @returns the ids of those that are still ours */
  renew(rows: JobRow[]): Promise<Set<string>>
  /** Frees what nobody renewed for `leaseMs`; dying counts as an attempt, with graphile's pause after it. */
  freeAbandoned(why: string): Promise<Abandoned[]>
  /** As if it had not been tried; nothing when it is no longer ours. */
  giveBack(row: JobRow): Promise<void>
}

export const createJobLease = (pool: pg.Pool, leaseMs: number): JobLease => ({
  renew: async (rows) => {
    if (rows.length === 0) return new Set()
    const mine = [rows.map((row) => row.id), rows.map((row) => row.locked_by)]
    const { rows: renewed } = await pool.query<{ id: string }>(RENEW, mine)
    return new Set(renewed.map(({ id }) => id))
  },
  freeAbandoned: async (why) => (await pool.query<Abandoned>(FREE_ABANDONED, [leaseMs, why])).rows,
  giveBack: async (row) => void (await pool.query(GIVE_BACK, [row.id, row.locked_by])),
})

const RENEW = `
  UPDATE ${JOBS_SCHEMA}._private_jobs AS jobs SET locked_at = now()
  FROM unnest($1::bigint[], $2::text[]) AS mine (id, holder)
  WHERE jobs.id = mine.id AND jobs.locked_by = mine.holder
  RETURNING jobs.id::text AS id`

const FREE_ABANDONED = `
  UPDATE ${JOBS_SCHEMA}._private_jobs AS jobs
  SET locked_at = NULL, locked_by = NULL, last_error = $2,
    run_at = greatest(now(), run_at) + exp(least(attempts, 10)) * interval '1 second'
  FROM ${JOBS_SCHEMA}._private_tasks AS tasks
  WHERE tasks.id = jobs.task_id AND jobs.locked_at < now() - $1::int * interval '1 millisecond'
  RETURNING tasks.identifier AS name, jobs.id::text AS id, jobs.attempts AS attempt,
    jobs.max_attempts AS "maxAttempts", jobs.run_at AS "nextTry"`

// Not due at once: a question for jobs that this process still has under way must not be answered with it.
const GIVE_BACK = `
  UPDATE ${JOBS_SCHEMA}._private_jobs
  SET locked_at = NULL, locked_by = NULL, attempts = greatest(attempts - 1, 0), run_at = now() + interval '2 seconds'
  WHERE id = $1::bigint AND locked_by = $2`

import type { Job as JobRow } from 'graphile-worker'
import type { Abandoned, JobLease } from './job-lease.ts'
import type { AnyJob } from './jobs.ts'
import type { Logger } from './logger.ts'
import type { HttpMetrics } from './metrics.ts'

export type AttemptsOptions = {
  lease: JobLease
  log: Logger
  metrics: Pick<HttpMetrics, 'counter'>
  graceMs: number
  leaseMs: number
}

export type Attempts = {
  /** Runs a job once. @throws what graphile is to count as a failure */
  run<D>(deps: D, job: AnyJob<D>, payload: unknown, row: JobRow): Promise<void>
  /** Says that the jobs of this process are alive, and frees those of dead ones. @throws when the database is away */
  beat(): Promise<void>
  /** Aborts what runs, and waits until it has ended or was given back. */
  stop(): Promise<void>
}

type Running = { row: JobRow; seenAt: number; abort(reason: Error): void; ended: Promise<unknown> }

const STOPPING = new Error('the process stops')
const LOST = new Error('the lease ran out: another process may have taken the job over')
const DIED = 'the process that ran it died'

/** The attempts of this process, each bounded in time, told in the log and counted. */
export function createAttempts({ lease, log, metrics, graceMs, leaseMs }: AttemptsOptions): Attempts {
  const outcomes = metrics.counter('jobs_total', 'Attempts of jobs by how they ended', ['job', 'outcome'])
  const running = new Set<Running>()
  let stopping = false
  let beating = false

  const failed = ({ name, id, attempt, maxAttempts, nextTry }: Abandoned, err: unknown) => {
    const facts = { err, job: name, jobId: id, attempt, maxAttempts }
    if (attempt < maxAttempts) log.warn({ ...facts, nextTry }, 'a job failed and will be tried again')
    else log.error(facts, 'a job was given up')
    outcomes.inc({ job: name, outcome: attempt < maxAttempts ? 'retried' : 'given_up' })
  }

  // Graphile's own note of a failure then finds a job that is not ours, and changes nothing.
  const giveBack = async (row: JobRow, why: unknown) => {
    const facts = { job: row.task_identifier, jobId: row.id }
    log[why === LOST ? 'warn' : 'info']({ ...facts, err: why }, 'a job was cut and will run again')
    await lease
      .giveBack(row)
      .catch((err: unknown) => log.warn({ ...facts, err }, 'a job could not be given back: its lease will run out'))
  }

  const attempt = async <D>(deps: D, job: AnyJob<D>, payload: unknown, row: JobRow, signal: AbortSignal) => {
    const facts = { job: job.name, jobId: row.id, attempt: row.attempts }
    try {
      signal.throwIfAborted()
      const parsed = job.payload.parse(withoutSchedule(payload)) as never
      const context = { signal, log: log.child(facts), attempt: row.attempts, jobId: row.id }
      await within(signal, graceMs, job.run(deps, parsed, context))
      log.debug(facts, 'a job is done')
      outcomes.inc({ job: job.name, outcome: 'done' })
    } catch (thrown) {
      const error: unknown = signal.aborted ? signal.reason : thrown
      if (error === STOPPING || error === LOST) await giveBack(row, error)
      else failed({ ...nextTryOf(row), name: job.name }, error)
      throw error
    }
  }

  return {
    run: async (deps, job, payload, row) => {
      const controller = new AbortController()
      const abort = (reason: Error) => controller.abort(reason)
      if (stopping) abort(STOPPING)
      const late = setTimeout(() => abort(new Error(`it took longer than ${job.timeoutMs} ms`)), job.timeoutMs)
      const ended = attempt(deps, job, payload, row, controller.signal)
      const entry = { row, seenAt: performance.now(), abort, ended }
      running.add(entry)
      try {
        await ended
      } finally {
        clearTimeout(late)
        running.delete(entry)
      }
    },
    beat: async () => {
      // Whoever cannot renew must be done, grace included, before others conclude that it is dead.
      for (const each of running) if (performance.now() - each.seenAt > leaseMs / 2) each.abort(LOST)
      if (beating) throw new Error('the last beat is still on its way')
      beating = true
      try {
        const mine = [...running]
        const now = performance.now()
        const renewed = await lease.renew(mine.map(({ row }) => row))
        for (const each of mine) {
          if (renewed.has(each.row.id)) each.seenAt = now
          else each.abort(LOST)
        }
        for (const each of await lease.freeAbandoned(DIED)) failed(each, new Error(DIED))
      } finally {
        beating = false
      }
    },
    stop: async () => {
      stopping = true
      for (const each of running) each.abort(STOPPING)
      await Promise.allSettled([...running].map(({ ended }) => ended))
    },
  }
}

/** What graphile will do with a job that fails now. */
const nextTryOf = (row: JobRow) => ({
  id: row.id,
  attempt: row.attempts,
  maxAttempts: row.max_attempts,
  nextTry: new Date(Date.now() + Math.exp(Math.min(row.attempts, 10)) * 1000),
})

/** Graphile writes when and why into the payload of a scheduled job. */
function withoutSchedule(payload: unknown): unknown {
  const { _cron, ...rest } = payload as Record<string, unknown>
  return rest
}

/** The work's own end, or `graceMs` after the signal the signal's reason: work that does not heed it is left behind. */
async function within<T>(signal: AbortSignal, graceMs: number, work: Promise<T>): Promise<T> {
  let mercy: NodeJS.Timeout | undefined
  const cut = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      mercy = setTimeout(reject, graceMs, signal.reason)
    })
  })
  return Promise.race([work, cut]).finally(() => clearTimeout(mercy))
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createTestDatabase, type TestDatabase } from '@jan/testkit/postgres'
import { startTcpProxy } from '@jan/testkit/tcp-proxy'
import { until } from '@jan/testkit/until'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { z } from 'zod'
import { type AnyJob, createJobs, defineJob, type JobContext, type JobsOptions, prepareJobs } from '../src/jobs.ts'
import { silentLogger } from '../src/logger.ts'
import { createMetrics } from '../src/metrics.ts'
import { createJobWorker, type JobWorker, makeDue, storedJobs } from './job-worker.fixture.ts'

let database: TestDatabase
const open: JobWorker<object>[] = []
const worker = (options: Partial<JobsOptions<object>> & { jobs: AnyJob<object>[] }, url = database.url) => {
  const created = createJobWorker(url, options)
  open.push(created)
  return created
}
const started = (...given: Parameters<typeof worker>) => {
  const created = worker(...given)
  created.jobs.start({})
  return created
}

const ran: number[] = []
const note = defineJob({
  name: 'note_number',
  payload: z.object({ n: z.number() }),
  run: async (_deps: object, { n }) => void ran.push(n),
})

beforeAll(async () => {
  database = await createTestDatabase()
  await Promise.all([1, 2, 3].map(() => prepareJobs(database.url)))
})
beforeEach(() => void ran.splice(0))
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.stop()))
  await database.query('TRUNCATE graphile_worker._private_jobs, graphile_worker._private_known_crontabs')
})
afterAll(() => database.drop())

describe('adding', () => {
  test('a job exists when the transaction commits, and only then; two replicas run it once [T-20]', async () => {
    const [one] = [started({ jobs: [note] }), started({ jobs: [note] })]
    const transaction = async (n: number, end: 'COMMIT' | 'ROLLBACK') => {
      const client = await one.pool.connect()
      await client.query('BEGIN')
      await one.jobs.add(note, { n }, { db: client })
      await client.query(end)
      client.release()
    }
    await transaction(1, 'ROLLBACK')
    await transaction(2, 'COMMIT')
    await until(async () => ran.includes(2) && (await storedJobs(database)).length === 0)
    expect(ran).toEqual([2])
  })

  test('a transaction of Prisma serves as well [T-20]', async () => {
    const { jobs, pool } = worker({ jobs: [note] })
    const tx = {
      $queryRawUnsafe: async <T>(sql: string, ...values: unknown[]) => (await pool.query(sql, values)).rows as T,
    }
    expect(await jobs.add(note, { n: 3 }, { db: tx })).toMatch(/^\d+$/)
    expect(await storedJobs(database)).toMatchObject([{ name: 'note_number' }])
  })

  test('a payload that does not fit is refused, and so is a job that nobody here would run', async () => {
    const { jobs } = worker({ jobs: [note] })
    await expect(jobs.add(note, { n: 'one' } as never)).rejects.toThrow(z.ZodError)
    await expect(jobs.add({ ...note, name: 'other' }, { n: 1 })).rejects.toThrow(/'other' is not among the jobs/)
    expect(await storedJobs(database)).toEqual([])
  })

  test('a key replaces the job that waits; a job of later waits until then', async () => {
    const { jobs } = started({ jobs: [note] })
    const runAt = new Date(Date.now() + 60_000)
    for (const n of [1, 2]) await jobs.add(note, { n }, { key: 'same', runAt })
    await jobs.add(note, { n: 3 })
    await until(() => ran.length > 0)
    // The one that ran is deleted a moment after its work is done.
    await until(async () => (await storedJobs(database)).length === 1)
    await makeDue(database)
    await until(() => ran.length > 1)
    expect(ran).toEqual([3, 2])
  })

  test('what could never work is refused when it is put together', () => {
    const { pool } = worker({ jobs: [note] })
    const given = { pool, log: silentLogger, jobs: [note] }
    const create = (more: object) => () => createJobs({ ...given, metrics: createMetrics('x'), ...more })
    expect(create({ jobs: [] })).toThrow(/no job/)
    expect(create({ jobs: [note, note] })).toThrow(/the same name/)
    expect(create({ pool: { options: { max: 1 } } })).toThrow(/at least 2 connections/)
    expect(create({ schedules: [{ job: note, cron: '* * * * *' }] })).toThrow(z.ZodError)
    expect(create({ schedules: [{ job: note, cron: 'daily', payload: { n: 1 } }] })).toThrow(/daily/)
  })
})

describe('failing', () => {
  const fail = defineJob({
    name: 'fail_always',
    payload: z.object({}),
    maxAttempts: 3,
    run: async () => {
      throw new Error('as ever')
    },
  })

  test('a job that throws for ever is tried with growing pauses, given up and told, and holds up no other [T-21]', async () => {
    const { jobs, said, counted } = started({ jobs: [fail, note], concurrency: 1 })
    const id = await jobs.add(fail, {})
    for (const attempt of [1, 2]) {
      await until(() => said('a job failed and will be tried again').length === attempt)
      await jobs.add(note, { n: attempt })
      await until(() => ran.includes(attempt))
      await makeDue(database)
    }
    await until(() => said('a job was given up').length === 1)
    const warned = said('a job failed and will be tried again')
    expect(warned).toMatchObject([1, 2].map((attempt) => ({ level: 40, job: 'fail_always', jobId: id, attempt })))
    const pauses = warned.map((line) => (Date.parse(line.nextTry!) - (line as unknown as { time: number }).time) / 1000)
    expect(pauses).toEqual([expect.closeTo(Math.E, 1), expect.closeTo(Math.E ** 2, 1)])
    expect(said('a job was given up')).toMatchObject([{ level: 50, job: 'fail_always', jobId: id, attempt: 3 }])
    expect([await counted('fail_always', 'retried'), await counted('fail_always', 'given_up')]).toEqual([2, 1])
    await makeDue(database)
    await jobs.add(note, { n: 9 })
    await until(() => ran.includes(9))
    const kept = { name: 'fail_always', attempts: 3, error: 'as ever', holder: null }
    expect(await until(async () => (await storedJobs(database)).find((row) => !row.holder))).toMatchObject(kept)
  })

  test('a job that hangs is cut and counts as failed [T-21]', async () => {
    const hang = defineJob({
      name: 'hang',
      payload: z.object({}),
      timeoutMs: 50,
      run: (_deps: object, _payload, { signal }) => once(signal, 'abort').then(() => new Promise(() => undefined)),
    })
    const { jobs, said } = started({ jobs: [hang, note], concurrency: 1, graceMs: 20 })
    await jobs.add(hang, {})
    await jobs.add(note, { n: 1 })
    await until(() => ran.length > 0)
    expect(said('a job failed and will be tried again', 'hang')).toMatchObject([
      { attempt: 1, err: { message: 'it took longer than 50 ms' } },
    ])
  })

  test('a stored payload that does not fit counts as failed; a job of another version is left alone [T-21]', async () => {
    const { said, jobs } = started({ jobs: [note] })
    await database.query(
      `SELECT graphile_worker.add_job('job_of_tomorrow'), graphile_worker.add_job('note_number', '{"n":"x"}')`,
    )
    await until(() => said('a job failed and will be tried again', 'note_number').length === 1)
    await jobs.add(note, { n: 1 })
    await until(() => ran.length > 0)
    expect(await storedJobs(database)).toContainEqual(
      expect.objectContaining({ name: 'job_of_tomorrow', attempts: 0, holder: null }),
    )
  })
})

/** A job that tells when it has begun, and ends when it is let go, or as `atAbort` says. */
function gated(atAbort: 'heeds' | 'ignores' = 'heeds') {
  const begun: JobContext[] = []
  let letGo = () => {}
  const gate = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const job = defineJob({
    name: 'wait',
    payload: z.object({}),
    run: async (_deps: object, _payload, context) => {
      begun.push(context)
      await Promise.race([gate, ...(atAbort === 'heeds' ? [once(context.signal, 'abort')] : [])])
      context.signal.throwIfAborted()
    },
  })
  return { job, begun, letGo }
}

describe('stopping and dying', () => {
  test.each(['heeds', 'ignores'] as const)(
    'what runs at a stop and %s it is given back and runs elsewhere [T-20]',
    async (way) => {
      const { job, begun, letGo } = gated(way)
      const one = started({ jobs: [job], graceMs: 30 })
      await one.jobs.add(job, {})
      await until(() => begun.length === 1)
      await one.jobs.stop()
      expect(await storedJobs(database)).toMatchObject([{ attempts: 0, holder: null }])
      expect(one.lines.filter(({ level }) => level >= 40)).toEqual([])
      letGo()
      await makeDue(database)
      started({ jobs: [job] })
      await until(async () => begun.length === 2 && (await storedJobs(database)).length === 0)
      expect(begun[1]!.attempt).toBe(1)
    },
  )

  test('a stop waits for a job that ends within the grace', async () => {
    const end = defineJob({
      name: 'end_slowly',
      payload: z.object({}),
      run: async (_deps: object, _payload, { signal }) => {
        ran.push(1)
        await once(signal, 'abort')
      },
    })
    const { jobs, counted } = started({ jobs: [end] })
    await jobs.add(end, {})
    await until(() => ran.length === 1)
    await jobs.stop()
    expect([await counted('end_slowly', 'done'), await storedJobs(database)]).toEqual([1, []])
  })

  test('the job of a killed process runs again in another [T-20]', async () => {
    const survive = defineJob({ ...note, name: 'survive', payload: z.object({}), run: async () => void ran.push(1) })
    const doomed = spawn(process.execPath, [fixture('doomed-worker'), database.url, '1500'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const survivor = worker({ jobs: [survive], leaseMs: 1500 })
    await survivor.jobs.add(survive, {})
    await once(doomed.stdout, 'data')
    survivor.jobs.start({})
    doomed.kill('SIGKILL')
    await until(() => survivor.said('a job failed and will be tried again').length === 1)
    expect(survivor.lines.at(-1)).toMatchObject({ job: 'survive', attempt: 1, err: { message: /died/ } })
    await makeDue(database)
    await until(() => ran.length === 1)
  })

  test('a job whose process died in its last attempt is given up and told [T-21]', async () => {
    const { jobs, said, counted } = worker({ jobs: [note], leaseMs: 400 })
    await jobs.add(note, { n: 1 })
    await database.query(`UPDATE graphile_worker._private_jobs
      SET attempts = 25, locked_by = 'gone', locked_at = now() - interval '1 second'`)
    jobs.start({})
    await until(() => said('a job was given up').length === 1)
    expect(await counted('note_number', 'given_up')).toBe(1)
    expect(await storedJobs(database)).toMatchObject([{ holder: null, error: /died/ }])
  })

  test('a job that another process took over is cut here, and its end changes nothing [T-20]', async () => {
    const { job, begun } = gated()
    const { jobs, said } = started({ jobs: [job], leaseMs: 2000 })
    await jobs.add(job, {})
    await until(() => begun.length === 1)
    await database.query(`UPDATE graphile_worker._private_jobs SET locked_by = 'another', locked_at = now()`)
    await until(() => said('a job was cut and will run again').length === 1)
    expect(begun[0]!.signal.aborted).toBe(true)
    await jobs.stop()
    expect(await storedJobs(database)).toMatchObject([{ holder: 'another', attempts: 1 }])
  })

  test('a job whose lease cannot be renewed is cut before others take it, and that is no attempt [T-20]', async () => {
    const { job, begun } = gated()
    const { jobs, said, pool } = started({ jobs: [job], leaseMs: 1000 })
    await jobs.add(job, {})
    await until(() => begun.length === 1)
    const client = await pool.connect()
    await client.query('BEGIN; SELECT FROM graphile_worker._private_jobs FOR UPDATE')
    await until(() => said('a job was cut and will run again').length === 1)
    await client.query('COMMIT')
    client.release()
    await until(async () => (await storedJobs(database))[0]!.holder === null)
    expect(await storedJobs(database)).toMatchObject([{ attempts: 0, error: null }])
  })
})

const fixture = (name: string) => fileURLToPath(new URL(`./${name}.fixture.ts`, import.meta.url))

describe('PostgreSQL away', () => {
  test('at the start, and later with a job under way: jobs go on when it is back, and few lines are said [T-20]', async () => {
    const target = new URL(database.url)
    await using door = await startTcpProxy(Number(target.port))
    door.cut()
    const { job, begun, letGo } = gated()
    const one = started({ jobs: [note, job] }, Object.assign(target, { port: String(door.port) }).toString())
    const waits = () => one.said('jobs wait: their queue cannot be read').length
    const back = () => one.said('jobs go on').length
    await until(() => waits() === 1)
    door.restore()
    await until(() => back() === 1)
    await one.jobs.add(note, { n: 1 })
    await one.jobs.add(job, {})
    await until(async () => begun.length === 1 && (await storedJobs(database)).length === 1)
    // Graphile prints the stack of a question for jobs that is under way when its runner ends.
    console.trace = () => undefined
    door.cut()
    letGo()
    await until(() => one.said('how a job ended could not be stored').length === 1 && waits() === 2)
    door.restore()
    await until(() => back() === 2)
    await until(() => one.jobs.add(note, { n: 2 }).catch(() => undefined))
    await until(() => ran.includes(2))
    expect(one.lines.filter(({ msg }) => msg !== 'a database connection was lost').length).toBeLessThan(8)
    await one.stop()
  })

  test('a queue that could not be read at first is read when it can be [T-20]', async () => {
    const hide = (from: string, to: string) => database.query(`ALTER TABLE graphile_worker.${from} RENAME TO ${to}`)
    await hide('_private_tasks', 'hidden')
    const { jobs, said } = started({ jobs: [note], leaseMs: 800 })
    await until(() => said('jobs wait: their queue cannot be read').length === 1)
    await hide('hidden', '_private_tasks')
    await jobs.add(note, { n: 1 })
    await until(() => ran.length === 1)
    expect(said('jobs go on')).toHaveLength(1)
  })

  test('all connections cut: the next job runs [T-20]', async () => {
    const { jobs } = started({ jobs: [note] })
    await jobs.add(note, { n: 1 })
    await until(() => ran.length === 1)
    await database.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    )
    await until(() => jobs.add(note, { n: 2 }).catch(() => undefined))
    await until(() => ran.includes(2))
  })
})

test('a scheduled job is added once over all replicas, and a missed time is made up for [T-20]', async () => {
  const missed = new Date(Date.now() - 600_000)
  const cron = `${missed.getUTCMinutes()} ${missed.getUTCHours()} * * *`
  await database.query(
    `INSERT INTO graphile_worker._private_known_crontabs
     VALUES ('note_number ' || $1, now() - interval '2 hours', now() - interval '1 hour')`,
    [cron],
  )
  const options = { jobs: [note], schedules: [{ job: note, cron, payload: { n: 7 } }] }
  const both = [started(options), started(options)]
  await until(() => ran.length > 0)
  // Whoever has stopped has looked at what was missed.
  await Promise.all(both.map((each) => each.stop()))
  expect([ran, await storedJobs(database)]).toEqual([[7], []])
})

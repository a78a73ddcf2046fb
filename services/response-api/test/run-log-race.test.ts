import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { appendEvents, type Held, insertRun, readEvents, seizeRun } from '../src/run-log/run-log.store.ts'
import { newRun, openRuns, type Runs } from './run-log.ts'

type Db = ReturnType<Runs['pool']>

/** The same statements, some of their words replaced. */
const altered = (db: Db, from: RegExp, to: string): Db =>
  ({
    query: ({ name, text, ...query }: { name: string; text: string }) =>
      db.query({ ...query, name: `altered_${name}`, text: text.replace(from, to) }),
  }) as unknown as Db

/** Owners append as fast as they can while others claim. @returns how many claims read a log to which an earlier owner still added */
async function hammer(runs: Runs, db: Db, ms: number): Promise<{ claims: number; late: number }> {
  const ids = Array.from({ length: 4 }, (_, at) => `resp_${Math.random()}_${at}`)
  for (const id of ids) await insertRun(db, newRun(id), 'first', 60_000)
  const holders = new Map<string, Held>(ids.map((id) => [id, { id, epoch: 1 }]))
  const seen: { held: Held; seqs: number[] }[] = []
  let seq = 0
  const until = performance.now() + ms
  const append = async (id: string) => {
    while (performance.now() < until) {
      seq += 1
      const events = [{ seq, type: 't', data: '{}' }]
      await appendEvents(db, [{ run: holders.get(id)!, events, rest: undefined }], false)
    }
  }
  const claim = async () => {
    while (performance.now() < until) {
      const id = ids[Math.floor(Math.random() * ids.length)]!
      const held = (await seizeRun(db, { workspaceId: 'ann', id, from: ['running'], owner: 'next', leaseMs: 60_000 }))!
      seen.push({ held, seqs: (await readEvents(db, id, -1, 1_000_000)).map((event) => event.seq) })
      // The earlier owner does not know yet, and goes on.
      await pause(2)
      if (holders.get(id)!.epoch < held.epoch) holders.set(id, held)
    }
  }
  await Promise.all([...ids, ...ids, ...ids].map(append).concat([claim(), claim(), claim()]))
  const logs = new Map(await Promise.all(ids.map(async (id) => [id, await runs.events(id)] as const)))
  const late = seen.filter(({ held, seqs }) => {
    const read = new Set(seqs)
    return logs.get(held.id)!.some((event) => event.epoch < held.epoch && !read.has(event.seq))
  })
  return { claims: seen.length, late: late.length }
}

/** A claim in the middle of an append. @returns whether it had to wait, and whether it then read what was appended */
async function claimDuringAppend(db: Db, id: string, weaken = (claimer: Db) => claimer) {
  await insertRun(db, newRun(id), 'first', 60_000)
  const connection = await db.connect()
  await connection.query('BEGIN')
  await appendEvents(
    connection,
    [{ run: { id, epoch: 1 }, events: [{ seq: 0, type: 't', data: '{}' }], rest: undefined }],
    true,
  )
  let isClaimed = false
  const claim = seizeRun(weaken(db), { workspaceId: 'ann', id, from: ['running'], owner: 'next', leaseMs: 60_000 })
  const read = claim.then(() => {
    isClaimed = true
    return readEvents(db, id, -1, 10)
  })
  await Promise.race([read, pause(300)])
  const waited = !isClaimed
  if (!waited) await read
  await connection.query('COMMIT')
  connection.release()
  return { waited, read: (await read).length }
}

let runs: Runs
beforeAll(async () => {
  runs = await openRuns()
})
afterAll(() => runs.close())

test('a claim and an append exclude each other [R-010]', async () => {
  const db = runs.pool(4)
  expect(await claimDuringAppend(db, 'resp_locked')).toEqual({ waited: true, read: 1 })
  // What a plain update takes would let the append through, and the claimer would go on without its event.
  const weaker = (claimer: Db) => altered(claimer, /FOR UPDATE/, 'FOR NO KEY UPDATE')
  expect(await claimDuringAppend(db, 'resp_weaker', weaker)).toEqual({ waited: false, read: 0 })
})

test('whoever claims a run, of many who append and claim, has read all that was ever added before [R-010]', async () => {
  const { claims, late } = await hammer(runs, runs.pool(16), 2_000)
  expect(claims).toBeGreaterThan(20)
  expect(late).toBe(0)
}, 60_000)

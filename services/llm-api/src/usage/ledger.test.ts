import { silentLogger as log } from '@jan/service-kit/logger'
import { until } from '@jan/testkit/until'
import { expect, test } from '@jest/globals'
import { createLedger } from './ledger.ts'
import type { ModelCall } from './model-call.ts'

const row = (id: number) => ({ id: String(id) }) as ModelCall

/** A ledger over a store that does as `write` says, and what became of its rows. */
function ledgerOn(write: (rows: ModelCall[]) => Promise<void>, { most = 1_000, closeMs = 1_000 } = {}) {
  const written: string[] = []
  let lost = 0
  const ledger = createLedger({
    store: { write },
    onWritten: (rows) => written.push(...rows.map(({ id }) => id)),
    onLost: (count) => {
      lost += count
    },
    log,
    most,
    closeMs,
  })
  return { ledger, written, lost: () => lost }
}
const upTo = (count: number) => Array.from({ length: count }, (_, index) => String(index))

test('rows are written in order, many at once, soon, and without being asked [L-070]', async () => {
  const batches: number[] = []
  const { ledger, written } = ledgerOn(async (rows) => void batches.push(rows.length))
  for (let id = 0; id < 450; id += 1) ledger.add(row(id))
  expect(ledger.size()).toBe(450)
  await until(() => written.length === 450)
  expect(written).toEqual(upTo(450))
  expect(batches.length).toBeLessThan(5)
  expect([...ledger.waiting()]).toEqual([])
})

test('rows that come while others are written are not held up and not forgotten [L-070]', async () => {
  const batches: number[] = []
  const { ledger, written } = ledgerOn(async (rows) => {
    batches.push(rows.length)
    if (batches.length === 1) await new Promise((done) => setTimeout(done, 200))
  })
  ledger.add(row(0))
  await until(() => batches.length === 1)
  for (let id = 1; id < 4; id += 1) ledger.add(row(id))
  await until(() => written.length === 4)
  expect([written, batches]).toEqual([upTo(4), [1, 3]])
})

test('while the database is away rows wait, are tried again, and are lost only beyond a number [L-070 L-072]', async () => {
  let isAway = true
  const away = ledgerOn(
    async () => {
      if (isAway) throw Object.assign(new Error('no connection'), { code: 'ECONNREFUSED' })
    },
    { most: 5 },
  )
  for (let id = 0; id < 7; id += 1) away.ledger.add(row(id))
  await expect(away.ledger.flush()).rejects.toThrow('no connection')
  expect([away.ledger.size(), away.lost()]).toEqual([5, 2])
  isAway = false
  await until(() => away.written.length === 5)
  expect(away.written).toEqual(upTo(5))
})

test('a row that the database refuses is lost alone, and no other is reported twice [L-070]', async () => {
  let failures = 1
  const { ledger, written, lost } = ledgerOn(async (rows) => {
    if (rows.some(({ id }) => id === '3')) throw Object.assign(new Error('no text'), { code: '22P05' })
    // The connection breaks once, when a part is written already.
    if (rows[0]!.id === '4' && failures-- > 0) throw new Error('Connection terminated')
  })
  for (let id = 0; id < 8; id += 1) ledger.add(row(id))
  await expect(ledger.flush()).rejects.toThrow('Connection terminated')
  await until(() => ledger.size() === 0)
  expect([written, lost()]).toEqual([upTo(8).filter((id) => id !== '3'), 1])
})

test('a stop waits for what is under way and for a database that comes back, and not for ever [L-072]', async () => {
  let tries = 0
  const back = ledgerOn(async () => {
    tries += 1
    if (tries < 3) throw new Error('Connection terminated')
  })
  back.ledger.add(row(0))
  await back.ledger.close()
  expect([back.written, back.lost()]).toEqual([['0'], 0])
  back.ledger.add(row(1))
  await until(() => back.written.length === 2)

  const gone = ledgerOn(() => Promise.reject(new Error('Connection terminated')), { closeMs: 300 })
  gone.ledger.add(row(0))
  await gone.ledger.close()
  expect([gone.written, gone.lost()]).toEqual([[], 1])
})

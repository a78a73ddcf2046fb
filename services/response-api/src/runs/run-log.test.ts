import { expect, test } from '@jest/globals'
import type { PrismaClient } from '../generated/prisma/client.ts'
import { emptyResult, type ResponseRecord } from '../responses/present-response.ts'
import { createRunLogs, openRunLog, type WireEvent } from './run-log.store.ts'

const event = (sequence: number): WireEvent => ({ sequence, type: 't', data: '{}' })
const record: ResponseRecord = {
  id: 'resp_1',
  epoch: 1,
  status: 'completed',
  createdAt: 0,
  completedAt: 0,
  model: 'm',
  previousResponseId: null,
  settings: {},
  output: [],
  result: emptyResult,
}

/** A log whose commits happen when told to. */
function slowLog() {
  const commits: { events: number[]; final: boolean; done: () => void; fail: (error: Error) => void }[] = []
  const log = openRunLog(
    (events, final) =>
      new Promise((done, fail) => {
        commits.push({ events: events.map(({ sequence }) => sequence), final: final !== undefined, done, fail })
      }),
  )
  return { log, commits }
}
const settle = () => new Promise(setImmediate)

test('what gathers during a commit is the next commit, and nobody reads before it [H-91]', async () => {
  const { log, commits } = slowLog()
  const read: number[] = []
  const reader = (async () => {
    for await (const { sequence } of log.read()) read.push(sequence)
  })()
  log.append([event(0), event(1)])
  await settle()
  for (const sequence of [2, 3, 4]) log.append([event(sequence)])
  expect(log.backlog()).toBe(3)
  await settle()
  expect(read).toEqual([])
  commits[0]?.done()
  await settle()
  expect(read).toEqual([0, 1])
  commits[1]?.done()
  const finished = log.finish([event(5)], record)
  await settle()
  commits[2]?.done()
  await Promise.all([finished, reader])
  expect(read).toEqual([0, 1, 2, 3, 4, 5])
  expect(commits.map(({ events, final }) => [events, final])).toEqual([
    [[0, 1], false],
    [[2, 3, 4], false],
    [[5], true],
  ])
})

test('appending nothing is nothing, and does not keep later events from their commit', async () => {
  const log = openRunLog(async () => undefined)
  log.append([])
  await settle()
  log.append([event(0)])
  await log.committed()
  expect((await log.read().next()).value).toEqual(event(0))
})

test('what cannot be stored fails the writer, the reader and the signal', async () => {
  const { log, commits } = slowLog()
  log.append([event(0)])
  await settle()
  const reader = log.read().next()
  commits[0]?.fail(new Error('disk full'))
  await expect(reader).rejects.toMatchObject({ code: 'internal' })
  await expect(log.committed()).rejects.toMatchObject({ code: 'internal' })
  await expect(log.finish([event(1)], record)).rejects.toMatchObject({ code: 'internal' })
  expect(log.signal.aborted).toBe(true)
})

test('a database that is away for a moment is waited for', async () => {
  let tries = 0
  const $queryRaw = async () => {
    tries += 1
    if (tries < 3) throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    return [{}]
  }
  const log = createRunLogs({ $queryRaw } as unknown as PrismaClient).stored(record, true)
  log.append([event(0)])
  await log.committed()
  expect(tries).toBe(3)
})

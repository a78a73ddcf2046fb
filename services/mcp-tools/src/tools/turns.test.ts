import { expect, test } from '@jest/globals'
import { createTurns } from './turns.ts'

const refusal = { busy: (waiting: number) => new Error(`${waiting} wait`), closed: () => new Error('closed') }

/** Lets people work until they are told to stop; `done` is who, in order. */
function line(turns: ReturnType<typeof createTurns>) {
  const entered: string[] = []
  const finish: (() => void)[] = []
  const works = (whose: string, name = whose, signal?: AbortSignal) =>
    turns.during(
      signal,
      () => {
        entered.push(name)
        return new Promise<void>((done) => finish.push(done))
      },
      whose,
    )
  const settle = () => new Promise(setImmediate)
  return {
    entered,
    works,
    settle,
    one: async () => {
      finish.shift()?.()
      await settle()
    },
  }
}

test('whoever comes once is next, however many of another wait; of one person first come is first served [B-030]', async () => {
  const { works, entered, one, settle } = line(createTurns(1, 100, refusal))
  const all = ['ada 1', 'ada 2', 'ada 3', 'ada 4'].map((name) => works('ada', name))
  all.push(works('bob', 'bob 1'), works('bob', 'bob 2'), works('cat', 'cat 1'))
  await settle()
  for (let turn = 0; turn < 7; turn += 1) await one()
  await Promise.all(all)
  expect(entered).toEqual(['ada 1', 'bob 1', 'cat 1', 'ada 2', 'bob 2', 'ada 3', 'ada 4'])
})

test('of several at once nobody has more than others who wait [B-030]', async () => {
  const { works, entered, one, settle } = line(createTurns(2, 100, refusal))
  const all = ['ada 1', 'ada 2', 'ada 3', 'ada 4'].map((name) => works('ada', name))
  all.push(works('bob', 'bob 1'), works('bob', 'bob 2'))
  await settle()
  for (let turn = 0; turn < 6; turn += 1) await one()
  await Promise.all(all)
  expect(entered).toEqual(['ada 1', 'ada 2', 'bob 1', 'ada 3', 'bob 2', 'ada 4'])
})

test('one person cannot fill the line, nobody waits for ever, and who leaves the line takes no turn [B-030]', async () => {
  const turns = createTurns(1, 3, refusal, { maxWaitingOfOne: 2, longestWaitMs: 40 })
  const { works, entered, one, settle } = line(turns)
  const first = works('ada')
  const late = Promise.allSettled([works('ada'), works('ada')])
  await settle()
  await expect(works('ada')).rejects.toThrow('2 wait')
  const gone = new AbortController()
  const left = expect(works('bob', 'bob', gone.signal)).rejects.toThrow('gone')
  await expect(works('cat')).rejects.toThrow('3 wait')
  gone.abort(new Error('gone'))
  await left
  expect((await late).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await one()
  await first
  expect([entered, turns.taken()]).toEqual([['ada'], 0])
  turns.close()
  await expect(works('ada')).rejects.toThrow('closed')
})

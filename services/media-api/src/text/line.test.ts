import { expect, test } from '@jest/globals'
import { createLine } from './line.ts'

test('whoever came first goes first, and never more at once than there are places', async () => {
  const line = createLine(2)
  const order: number[] = []
  let inside = 0
  let most = 0
  await Promise.all(
    Array.from({ length: 20 }, async (_, number) => {
      const leave = await line.take()
      most = Math.max(most, ++inside)
      order.push(number)
      await new Promise(setImmediate)
      inside -= 1
      leave()
    }),
  )
  expect(most).toBe(2)
  expect(order).toEqual(Array.from({ length: 20 }, (_, number) => number))
})

test('whoever gives up leaves the line, and their place goes to the next', async () => {
  const line = createLine(1)
  const leave = await line.take()
  const stop = new AbortController()
  const second = line.take(stop.signal)
  const third = line.take()
  stop.abort(new Error('enough'))
  await expect(second).rejects.toThrow('enough')
  leave()
  leave()
  const leaveThird = await third
  const fourth = line.take()
  const isWaiting = await Promise.race([fourth.then(() => false), new Promise((done) => setImmediate(done, true))])
  expect(isWaiting).toBe(true)
  leaveThird()
  ;(await fourth)()
  await expect(line.take(AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late')
})

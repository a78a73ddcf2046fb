import { expect, test } from '@jest/globals'
import { createQueue } from './queue.ts'

const never = new AbortController().signal
/** Work that lasts until it is told to end. */
const work = () => {
  const { promise, resolve } = Promise.withResolvers<string>()
  return { promise, end: resolve }
}

test('one at a time, in the order in which they came [L-014]', async () => {
  const queue = createQueue(['only'], 2)
  const [first, order] = [work(), [] as string[]]
  const note = (name: string) => async () => void order.push(name)
  const all = [
    queue.use(never, () => first.promise.then(note('first'))),
    queue.use(never, note('second')),
    queue.use(never, note('third')),
  ]
  await expect(queue.use(never, note('fourth'))).rejects.toMatchObject({
    code: 'rate_limited',
    extra: { headers: { 'retry-after': '1' } },
  })
  first.end('')
  await Promise.all(all)
  expect(order).toEqual(['first', 'second', 'third'])
})

test('who leaves the line makes room in it, and who fails gives back what was used [L-014]', async () => {
  const queue = createQueue(['only'], 1)
  const [first, leaving] = [work(), new AbortController()]
  const failing = queue.use(never, () => first.promise.then(() => Promise.reject(new Error('failed'))))
  const left = queue.use(leaving.signal, async () => 'never')
  leaving.abort(new Error('gone'))
  await expect(left).rejects.toThrow('gone')
  const next = queue.use(never, async (thing) => thing)
  first.end('')
  await expect(failing).rejects.toThrow('failed')
  expect(await next).toBe('only')
  await expect(queue.use(leaving.signal, async () => 'never')).rejects.toThrow('gone')
})

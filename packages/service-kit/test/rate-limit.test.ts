import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { silentLogger as log } from '../src/logger.ts'
import { createRateLimiter, type RateLimiter } from '../src/rate-limit.ts'
import type { Redis } from '../src/redis.ts'

beforeEach(() => void jest.useFakeTimers())
afterEach(() => void jest.useRealTimers())
const nextRound = () => jest.advanceTimersByTimeAsync(100)

/** How many of `times` requests are let through. */
const takeMany = (limiter: RateLimiter, times: number) =>
  Array.from({ length: times }, () => limiter.take('ada')).filter(({ allowed }) => allowed).length

const alone = (points: number, now: () => number) =>
  createRateLimiter({ name: 'test', points, seconds: 60, redis: undefined, log, now })

test('one replica lets through exactly the limit, and a new window opens when the old one is over [T-04]', () => {
  let at = 1_000
  const limiter = alone(3, () => at)
  expect(limiter.take('ada')).toEqual({ allowed: true, limit: 3, remaining: 2, resetMs: 60_000 })
  at += 59_000
  expect([takeMany(limiter, 2), limiter.take('ada')]).toEqual([
    2,
    { allowed: false, limit: 3, remaining: 0, resetMs: 1_000 },
  ])
  expect(limiter.take('bob').allowed).toBe(true)
  at += 999
  expect(limiter.take('ada').allowed).toBe(false)
  at += 1
  expect(limiter.take('ada')).toEqual({ allowed: true, limit: 3, remaining: 2, resetMs: 60_000 })
})

test('a cost larger than what is left is refused and not counted; a senseless one is an error', () => {
  const limiter = alone(10, () => 0)
  expect(limiter.take('ada', 11)).toMatchObject({ allowed: false, remaining: 10 })
  expect(limiter.take('ada', 7)).toMatchObject({ allowed: true, remaining: 3 })
  expect(limiter.take('ada', 4)).toMatchObject({ allowed: false, remaining: 3 })
  expect(limiter.take('ada', 3)).toMatchObject({ allowed: true, remaining: 0 })
  for (const cost of [0, -1, 0.5, Number.NaN]) expect(() => limiter.take('ada', cost)).toThrow(RangeError)
})

/** A Redis that answers as `answer` says, for what a real one does not do on request. */
const redisThat = (answer: () => Promise<unknown>) => ({ status: 'ready', eval: answer }) as unknown as Redis

test('while Redis answers with errors each replica limits alone, and nothing is sent twice [T-02]', async () => {
  const refuse = jest.fn(() => Promise.reject(new Error('READONLY')))
  const warn = jest.fn()
  const redis = redisThat(refuse)
  const limiter = createRateLimiter({ name: 'test', points: 5, seconds: 60, redis, log: { ...log, warn } as never })
  takeMany(limiter, 2)
  await nextRound()
  expect(takeMany(limiter, 20)).toBe(3)
  await nextRound()
  expect(refuse.mock.calls.map((call: unknown[]) => call.at(-1))).toEqual(['2', '3'])
  expect(warn.mock.calls.length).toBe(1)
})

test('an idle limiter does nothing', async () => {
  const redis = redisThat(async () => [1, 60_000])
  const limiter = createRateLimiter({ name: 'test', points: 5, seconds: 60, redis, log })
  expect(jest.getTimerCount()).toBe(0)
  limiter.take('ada')
  expect(jest.getTimerCount()).toBe(1)
  await nextRound()
  expect(jest.getTimerCount()).toBe(0)
})

test('a crowd of strangers does not push out who is limited', () => {
  const limiter = alone(3, () => 0)
  expect(takeMany(limiter, 20)).toBe(3)
  for (let index = 0; index < 130_000; index++) {
    limiter.take(`stranger-${index}`)
    if (index % 10_000 === 0) expect(limiter.take('ada').allowed).toBe(false)
  }
})

test('principals may have limits of their own', () => {
  const limiter = alone(3, () => 0)
  expect(limiter.take('ada', 1, 1)).toMatchObject({ allowed: true, limit: 1, remaining: 0 })
  expect(limiter.take('ada', 1, 1)).toMatchObject({ allowed: false, limit: 1 })
  expect(limiter.take('ada', 1, 5)).toMatchObject({ allowed: true, limit: 5, remaining: 3 })
})

test('what turned out to be less is given back, in the window it was taken in, and what was more is counted', () => {
  let at = 0
  const limiter = alone(100, () => at)
  limiter.take('ada', 80)
  at = 10
  limiter.correct('ada', -50, 0)
  expect(limiter.take('ada', 70)).toMatchObject({ allowed: true, remaining: 0 })
  limiter.correct('ada', 30, 10)
  expect(limiter.take('ada')).toMatchObject({ allowed: false, remaining: 0 })
  at = 60_000
  limiter.correct('ada', -30, 10)
  expect(limiter.take('ada')).toMatchObject({ allowed: true, remaining: 99 })
  limiter.correct('ada', -30, 10)
  limiter.correct('ada', 0, 10)
  limiter.correct('ada', -2, at)
  expect(limiter.take('ada')).toMatchObject({ remaining: 98 })
  limiter.correct('bob', 40, 10)
  expect(limiter.take('bob')).toMatchObject({ remaining: 59 })
  expect(() => limiter.correct('ada', 0.5, 0)).toThrow(RangeError)
})

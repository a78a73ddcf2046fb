import { freePort } from '@jan/testkit/free-port'
import { startTestRedis, type TestRedis } from '@jan/testkit/redis'
import { startTcpProxy, type TcpProxy } from '@jan/testkit/tcp-proxy'
import { until } from '@jan/testkit/until'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { Closers } from '../src/lifecycle.ts'
import { silentLogger as log } from '../src/logger.ts'
import { createRateLimiter, type RateLimiter } from '../src/rate-limit.ts'
import { connectRedis, type Redis, redisDependency } from '../src/redis.ts'

let server: TestRedis
let judge: Redis
let proxy: TcpProxy
let closers = new Closers()

beforeAll(async () => {
  server = await startTestRedis()
  judge = server.judge
  proxy = await startTcpProxy(server.port)
})
afterEach(async () => {
  proxy.restore()
  await closers.close(log)
  closers = new Closers()
  await judge.flushall()
})
afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await server.close()
})

/** What all replicas took, as Redis knows it. */
const counted = async (principal = 'ada') => Number(await judge.get(`limit:test:${principal}`))
const untilCounted = (points: number) => until(async () => (await counted()) === points)
/** Answers come in order: with this one, what was asked before has been answered too. */
const untilAnswered = async (redis: Redis) => {
  await redis.ping()
  await new Promise(setImmediate)
}

/** How many of `times` requests are let through. */
const takeMany = (limiter: RateLimiter, times: number, principal = 'ada') =>
  Array.from({ length: times }, () => limiter.take(principal)).filter(({ allowed }) => allowed).length
const remaining = (limiter: RateLimiter) => limiter.take('ada', 1_000_000).remaining

/** One replica of a service whose connection to Redis is up. */
async function replica(
  points: number,
  { url = `redis://127.0.0.1:${proxy.port}`, seconds = 60, answerMs = 5_000, isUp = true } = {},
) {
  const redis = connectRedis(url, log, closers, answerMs)
  const limiter = createRateLimiter({ name: 'test', points, seconds, redis, log })
  closers.add('limits', limiter, () => limiter.close())
  if (isUp) await until(() => redis.status === 'ready')
  return { limiter, redis }
}

test('what is refused is not counted in Redis either', async () => {
  const { limiter } = await replica(5)
  expect(takeMany(limiter, 20)).toBe(5)
  await untilCounted(5)
  expect(takeMany(limiter, 20)).toBe(0)
  await limiter.close()
  expect(await counted()).toBe(5)
})

test('two replicas pass a limit by one interval at most, and refuse both when they have settled [T-01]', async () => {
  const [one, two] = [(await replica(10)).limiter, (await replica(10)).limiter]
  expect([takeMany(one, 8), takeMany(two, 8)]).toEqual([8, 8])
  await untilCounted(16)
  // Who settled first knows nothing of the other yet, and asks until it does.
  await until(() => !one.take('ada').allowed && !two.take('ada').allowed)
  await Promise.all([one.close(), two.close()])
  expect(await counted()).toBeLessThanOrEqual(10 + 8)
})

test('replicas share what is left of a limit [T-01]', async () => {
  const [one, two] = [(await replica(10)).limiter, (await replica(10)).limiter]
  takeMany(one, 6)
  await untilCounted(6)
  takeMany(two, 1)
  await until(() => remaining(two) === 3)
  expect(takeMany(two, 20)).toBe(3)
})

test('what is given back, or counted later, is shared, too [T-01]', async () => {
  const [one, two] = [(await replica(100)).limiter, (await replica(100)).limiter]
  one.take('ada', 60)
  await untilCounted(60)
  one.correct('ada', -40, performance.now())
  await untilCounted(20)
  two.take('ada', 1)
  await until(() => remaining(two) === 79)
  two.correct('ada', 200, performance.now())
  one.take('ada', 1)
  await until(() => remaining(one) === 0)
})

test('when the shared window is over, all replicas let through again [T-01]', async () => {
  const [one, two] = [(await replica(10, { seconds: 1 })).limiter, (await replica(10, { seconds: 1 })).limiter]
  takeMany(one, 10)
  await until(() => !two.take('ada').allowed)
  await until(() => one.take('ada').allowed)
  await until(() => two.take('ada').allowed)
})

test('many principals are settled in one round [T-01]', async () => {
  const { limiter } = await replica(10)
  const names = Array.from({ length: 600 }, (_, index) => `user-${index}`)
  for (const [index, name] of names.entries()) limiter.take(name, 1 + (index % 3))
  await until(async () => (await counted('user-599')) === 3)
  const counts = await judge.mget(names.map((name) => `limit:test:${name}`))
  expect(counts).toEqual(names.map((_, index) => String(1 + (index % 3))))
})

test('a Redis that stalls without closing delays nobody, and nothing is counted twice when it flows again [T-03]', async () => {
  const { limiter, redis } = await replica(10)
  takeMany(limiter, 2)
  await untilCounted(2)
  await untilAnswered(redis)
  proxy.stall()
  const before = proxy.received()
  takeMany(limiter, 3)
  await until(() => proxy.received() > before)
  const inFlight = proxy.received()
  const started = performance.now()
  expect(takeMany(limiter, 20)).toBe(5)
  expect(performance.now() - started).toBeLessThan(1_000)
  // Longer than an interval: a second settlement would have been sent by now.
  await until(() => performance.now() - started > 250)
  expect(proxy.received()).toBe(inFlight)
  proxy.restore()
  await untilCounted(10)
  expect(takeMany(limiter, 20)).toBe(0)
  await limiter.close()
  expect(await counted()).toBe(10)
})

test('a connection that is open but dead is made anew, and what broke is not sent again [T-02 T-03]', async () => {
  const { limiter, redis } = await replica(10, { answerMs: 500 })
  proxy.stall()
  const before = proxy.received()
  takeMany(limiter, 3)
  await until(() => proxy.received() > before)
  await until(() => redis.status !== 'ready')
  proxy.cut()
  takeMany(limiter, 2)
  proxy.restore()
  await untilCounted(2)
  expect(takeMany(limiter, 20)).toBe(5)
  await untilCounted(7)
})

test('Redis is cut and comes back: local alone meanwhile, then shared again without a restart [T-02]', async () => {
  const [one, two] = [(await replica(10)).limiter, (await replica(10)).limiter]
  takeMany(one, 2)
  await untilCounted(2)
  proxy.cut()
  expect([takeMany(one, 3), takeMany(two, 1)]).toEqual([3, 1])
  proxy.restore()
  await untilCounted(6)
  takeMany(two, 1)
  await until(() => remaining(two) === 3)
})

test('a replica alone never passes the limit, even when Redis forgets', async () => {
  const { limiter } = await replica(10)
  takeMany(limiter, 6)
  await untilCounted(6)
  await judge.flushall()
  takeMany(limiter, 1)
  await untilCounted(1)
  expect(takeMany(limiter, 20)).toBe(3)
})

test('Redis is away at the start, and joins later; readiness knows [T-02]', async () => {
  const port = await freePort()
  const { limiter, redis } = await replica(10, { url: `redis://127.0.0.1:${port}`, isUp: false })
  expect(takeMany(limiter, 7)).toBe(7)
  await expect(redisDependency(redis).check()).rejects.toThrow()
  const late = await startTestRedis(port)
  try {
    await until(async () => (await late.judge.get('limit:test:ada')) === '7')
    expect(await redisDependency(redis).check()).toBe('PONG')
    expect(takeMany(limiter, 20)).toBe(3)
    await limiter.close()
  } finally {
    redis.disconnect()
    await late.close()
  }
})

test('close settles what is left, and waits for Redis a second at most', async () => {
  const { limiter } = await replica(10)
  takeMany(limiter, 4)
  await limiter.close()
  expect(await counted()).toBe(4)
  const { limiter: second } = await replica(10)
  proxy.stall()
  takeMany(second, 1)
  const started = performance.now()
  await second.close()
  expect(performance.now() - started).toBeLessThan(3_000)
})

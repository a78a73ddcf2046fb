import { Closers } from '@jan/service-kit/lifecycle'
import { silentLogger } from '@jan/service-kit/logger'
import { connectRedis } from '@jan/service-kit/redis'
import { startTestRedis } from '@jan/testkit/redis'
import { until } from '@jan/testkit/until'
import { describe, expect, test } from '@jest/globals'
import { createCache, createMemoryCache } from './cache.ts'

describe('in memory', () => {
  test('a value is there until its time has run out [B-014]', async () => {
    let at = 0
    const cache = createMemoryCache(100, 1_000, () => at)
    await cache.set('a', 'one', 10)
    at = 9
    expect(await cache.get('a')).toBe('one')
    at = 10
    expect(await cache.get('a')).toBeUndefined()
    await cache.set('b', 'two', 0)
    expect(await cache.get('b')).toBeUndefined()
  })

  test('it never holds more than it may, and what was not used for longest goes first [B-018]', async () => {
    const cache = createMemoryCache(6, 212)
    await cache.set('a', 'x'.repeat(4), 60_000)
    await cache.set('b', 'x'.repeat(4), 60_000)
    expect(await cache.get('a')).toBeDefined()
    await cache.set('c', 'x'.repeat(4), 60_000)
    expect([await cache.get('a'), await cache.get('b'), await cache.get('c')].map(Boolean)).toEqual([true, false, true])
    await cache.set('a', 'x'.repeat(7), 60_000)
    expect(await cache.get('a')).toBeUndefined()
    // What a longer value has taken out makes room again.
    await cache.set('d', 'x'.repeat(6), 60_000)
    expect([await cache.get('c'), await cache.get('d')].map(Boolean)).toEqual([true, true])
  })
})

test('values of nothing under many names, or long ones, make room for each other, too [B-018]', async () => {
  const cache = createMemoryCache(10, 1_000)
  for (let i = 0; i < 100; i++) await cache.set(`k${i}`, '', 60_000)
  const kept = async () =>
    (await Promise.all(Array.from({ length: 100 }, (_, i) => cache.get(`k${i}`)))).filter(
      (value) => value !== undefined,
    ).length
  expect(await kept()).toBe(9)
  await cache.set('x'.repeat(700), '', 60_000)
  expect(await kept()).toBe(1)
  await cache.set('x'.repeat(2_000), '', 60_000)
  expect(await cache.get('x'.repeat(2_000))).toBeUndefined()
})

test('replicas share what Redis keeps; without it nothing is known and nothing fails [B-014]', async () => {
  const server = await startTestRedis()
  const closers = new Closers()
  const open = () => {
    const redis = connectRedis(server.url, silentLogger, closers)
    return { redis, cache: createCache({ redis, name: 'test', maxEntryChars: 100, maxChars: 100 }) }
  }
  const [one, other] = [open(), open()]
  await until(() => one.redis.status === 'ready' && other.redis.status === 'ready')
  await one.cache.set('a', 'shared', 60_000)
  expect(await other.cache.get('a')).toBe('shared')
  expect(await server.judge.pttl('jan:mcp-tools:test:a')).toBeGreaterThan(50_000)
  await one.cache.set('long', 'x'.repeat(101), 60_000)
  expect(await other.cache.get('long')).toBeUndefined()
  await server.close()
  await until(() => other.redis.status !== 'ready')
  await one.cache.set('b', 'lost', 60_000)
  expect(await other.cache.get('a')).toBeUndefined()
  await closers.close(silentLogger)
})

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as after, setImmediate as yieldOnce } from 'node:timers/promises'
import { Closers } from '@jan/service-kit/lifecycle'
import { silentLogger } from '@jan/service-kit/logger'
import { createRateLimiter } from '@jan/service-kit/rate-limit'
import { connectRedis } from '@jan/service-kit/redis'
import { readInput, tell } from '../../measure/child-process.ts'

/** Takes from a rate limiter when told: `POST /hot` and `POST /spread` answer when `takes` are taken. */
const { redisUrl, takes } = readInput<{ redisUrl: string; takes: number }>()
const redis = connectRedis(redisUrl, silentLogger, new Closers())
const limiter = createRateLimiter({ name: 'bench', points: 1e9, seconds: 60, redis, log: silentLogger })
const principals = Array.from({ length: takes }, (_, index) => `principal-${index}`)

const ways: Record<string, () => Promise<void>> = {
  /** One principal, as fast as can be; the loop is given up now and then, as between requests. */
  '/hot': async () => {
    for (let taken = 0; taken < takes; taken += 1) {
      limiter.take('hot')
      if (taken % 100 === 0) await yieldOnce()
    }
  },
  /** Every principal once, spread over 100 ms. */
  '/spread': async () => {
    for (let from = 0; from < principals.length; from += principals.length / 10) {
      for (const principal of principals.slice(from, from + principals.length / 10)) limiter.take(principal)
      await after(10)
    }
  },
}

const server = createServer(async (request, response) => {
  await ways[request.url!]!()
  response.end()
})
redis.once('ready', () => {
  server.listen(0, '127.0.0.1', () => tell({ port: (server.address() as AddressInfo).port }))
})

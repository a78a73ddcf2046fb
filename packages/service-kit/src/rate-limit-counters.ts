import { RateLimiterRedis } from 'rate-limiter-flexible'
import type { RateLimit } from './rate-limit.ts'
import { answerOf, type Redis } from './redis.ts'

/** What this replica took for a principal and has not told Redis yet. */
export type Taken = { principal: string; points: number }
/** What all replicas took in the principal's window, with this, and how many ms of the window are left. */
export type Counted = { consumed: number; msLeft: number }

/** Adds what was taken to the shared counters. A promise per principal: one that rejects may or may not have been counted. */
export type Count = (taken: Taken[]) => Promise<Counted>[]

/** Longest list of keys in one script: about a millisecond of Redis's only thread. */
const MOST_KEYS = 500

const ADD_TO_EACH = `
local answer = {}
for i, key in ipairs(KEYS) do
  redis.call('set', key, 0, 'EX', ARGV[1], 'NX')
  answer[2 * i - 1] = redis.call('incrby', key, ARGV[i + 1])
  answer[2 * i] = redis.call('pttl', key)
end
return answer
`

/** Counters of rate-limiter-flexible, whose commands for all keys of a round leave as one: a command each costs at least four times as much. */
export function createCounters(redis: Redis, { name, points, seconds }: RateLimit): Count {
  const batch = createBatch(redis, seconds)
  const counters = new RateLimiterRedis({
    storeClient: batch.client,
    keyPrefix: `limit:${name}`,
    points,
    duration: seconds,
  })
  return (taken) => {
    const answers = taken.map(async (each): Promise<Counted> => {
      const { consumedPoints, msBeforeNext } = await counters.penalty(each.principal, each.points)
      return { consumed: consumedPoints, msLeft: msBeforeNext }
    })
    batch.send()
    return answers
  }
}

type Waiting = {
  key: string
  points: string
  resolve: (answer: [consumed: number, msLeft: number]) => void
  reject: (error: unknown) => void
}

/** Stands where rate-limiter-flexible expects ioredis: keeps its one command for a key until `send`, then sends all as few scripts. */
function createBatch(redis: Redis, seconds: number) {
  let waiting: Waiting[] = []
  const add = async (entries: Waiting[]) => {
    const keys = entries.map((entry) => entry.key)
    const added = entries.map((entry) => entry.points)
    try {
      const answer = (await answerOf(
        redis,
        redis.eval(ADD_TO_EACH, keys.length, ...keys, seconds, ...added),
      )) as number[]
      for (const [index, { resolve }] of entries.entries()) resolve([answer[2 * index]!, answer[2 * index + 1]!])
    } catch (error) {
      for (const { reject } of entries) reject(error)
    }
  }
  return {
    client: {
      defineCommand: () => undefined,
      rlflxIncr: ([key, points]: [string, string]) =>
        new Promise<[number, number]>((resolve, reject) => waiting.push({ key, points, resolve, reject })),
    },
    send() {
      const entries = waiting
      waiting = []
      for (let from = 0; from < entries.length; from += MOST_KEYS) void add(entries.slice(from, from + MOST_KEYS))
    },
  }
}

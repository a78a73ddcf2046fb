import type { Logger } from '@jan/service-kit/logger'
import { answerOf, type Redis } from '@jan/service-kit/redis'

/** How many calls of a principal run now: here, and, as told through Redis, elsewhere. */
export type RunningCalls = {
  count(principal: string): number
  began(principal: string): void
  ended(principal: string): void
  close(): Promise<void>
}

export type RunningCallsOptions = {
  redis: Redis | undefined
  /** Of this process, unlike any other's. */
  replica: string
  log: Logger
  /** Between two rounds, in ms. */
  everyMs?: number
}

type Entry = { own: number; others: number; told: number; askedAt: number }

const EVERY_MS = 250
/** What a replica said is believed for this long: one that was killed holds nobody's place for ever. */
const BELIEVED_MS = 2_000
const MOST_KEYS = 500
/** Who was asked for is kept in mind for so long, and not only while something of theirs runs here. */
const ASKED_MS = 10_000
const CLOSE_MS = 1_000

/**
 * Writes what this replica has of each principal, and answers what the others have. Time is Redis's own, so that
 * replicas need no common clock; a hash goes with the last who tells something.
 */
const TELL = `
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answer = {}
for i, key in ipairs(KEYS) do
  local own = tonumber(ARGV[i + 2])
  if own > 0 then
    redis.call('hset', key, ARGV[1], own .. ' ' .. now)
    redis.call('pexpire', key, ARGV[2] * 2)
  else
    redis.call('hdel', key, ARGV[1])
  end
  local others = 0
  local all = redis.call('hgetall', key)
  for field = 1, #all, 2 do
    local count, at = string.match(all[field + 1], '^(%d+) (%d+)$')
    if all[field] ~= ARGV[1] and count and now - at <= tonumber(ARGV[2]) then others = others + tonumber(count) end
  end
  answer[i] = others
end
return answer
`

/**
 * Counts at once what runs here, and tells the others every 250 ms while there is something to tell. So a limit may be
 * passed by what other replicas began in one interval; while Redis is away each replica counts alone.
 */
export function createRunningCalls({ redis, replica, log, everyMs = EVERY_MS }: RunningCallsOptions): RunningCalls {
  const entries = new Map<string, Entry>()
  let timer: NodeJS.Timeout | undefined
  let round: Promise<void> | undefined
  let isFailing = false
  let isClosed = false

  const entryOf = (principal: string): Entry => {
    let entry = entries.get(principal)
    if (!entry) {
      entry = { own: 0, others: 0, told: 0, askedAt: 0 }
      entries.set(principal, entry)
    }
    return entry
  }

  const schedule = () => {
    if (redis && !isClosed) timer ??= setTimeout(tick, everyMs).unref()
  }

  const tick = () => {
    timer = undefined
    round ??= tellAll().finally(() => {
      round = undefined
    })
    if (entries.size > 0) schedule()
  }

  const tell = async (told: [principal: string, entry: Entry][]) => {
    const counts = told.map(([, { own }]) => own)
    const keys = told.map(([principal]) => `running:${principal}`)
    const others = (await answerOf(
      redis!,
      redis!.eval(TELL, keys.length, ...keys, replica, BELIEVED_MS, ...counts),
    )) as number[]
    for (const [index, [principal, entry]] of told.entries()) {
      entry.others = others[index]!
      entry.told = counts[index]!
      const isIdle = entry.own === 0 && entry.told === 0 && performance.now() - entry.askedAt > ASKED_MS
      if (isIdle) entries.delete(principal)
    }
  }

  const tellAll = async () => {
    if (redis!.status !== 'ready') return forgetOthers()
    try {
      const all = [...entries]
      for (let from = 0; from < all.length; from += MOST_KEYS) await tell(all.slice(from, from + MOST_KEYS))
      if (isFailing) log.info('Redis tells again what runs elsewhere')
      isFailing = false
    } catch (error) {
      if (!isFailing) log.warn({ reason: (error as Error).message }, 'Redis does not tell what runs elsewhere')
      isFailing = true
      forgetOthers()
    }
  }

  const forgetOthers = () => {
    for (const [principal, entry] of entries) {
      entry.others = 0
      if (entry.own === 0) entries.delete(principal)
    }
  }

  return {
    count(principal) {
      if (!redis) return entries.get(principal)?.own ?? 0
      const entry = entryOf(principal)
      entry.askedAt = performance.now()
      schedule()
      return entry.own + entry.others
    },
    began(principal) {
      entryOf(principal).own += 1
      schedule()
    },
    ended(principal) {
      const entry = entryOf(principal)
      entry.own -= 1
      if (!redis && entry.own === 0) entries.delete(principal)
      else schedule()
    },
    async close() {
      isClosed = true
      clearTimeout(timer)
      if (!redis) return
      const late = new Promise((done) => setTimeout(done, CLOSE_MS).unref())
      await Promise.race([late, round?.then(tellAll) ?? tellAll()])
    },
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from './logger.ts'
import type { Count, Counted } from './rate-limit-counters.ts'
import type { Redis } from './redis.ts'

const INTERVAL_MS = 100
const CLOSE_MS = 1_000

/** A principal's window. */
export type Bucket = {
  principal: string
  /** Taken here, whether Redis knows or not: whatever becomes of Redis, this replica alone never passes the limit. */
  own: number
  /** The part of `own` that Redis was not told yet; negative when it is to take some back. What was sent is never sent again. */
  unsettled: number
  /** The part of `own` that Redis confirmed. */
  confirmed: number
  /** Taken by other replicas, at the last settlement. */
  others: number
  /** When the first was taken here. */
  beganAt: number
  endsAt: number
  /** Whether `endsAt` is the end of the shared window; until the first settlement it is a guess. */
  isShared: boolean
}

type SettlementDeps = { redis: Redis; count: Count; log: Logger; now: () => number }

/** Tells Redis what was taken: one round at a time, every 100 ms, and only while there is something to tell. */
export function createSettlement({ redis, count, log, now }: SettlementDeps) {
  const owing = new Set<Bucket>()
  let timer: NodeJS.Timeout | undefined
  let round: Promise<void> | undefined
  let isClosed = false
  let isFailing = false

  const schedule = () => {
    if (timer === undefined && !isClosed) timer = setTimeout(tick, INTERVAL_MS).unref()
  }

  const tick = () => {
    timer = undefined
    round ??= settle().finally(() => {
      round = undefined
    })
    if (owing.size > 0) schedule()
  }

  const settle = async () => {
    const at = now()
    // What was taken in a window that is over counts no more; told now, it would begin the next one.
    for (const bucket of owing) if (bucket.endsAt <= at) owing.delete(bucket)
    if (redis.status !== 'ready' || owing.size === 0) return
    const told = Array.from(owing, (bucket) => ({ bucket, principal: bucket.principal, points: bucket.unsettled }))
    owing.clear()
    for (const { bucket } of told) bucket.unsettled = 0
    const results = await Promise.allSettled(count(told))
    for (const [index, result] of results.entries())
      if (result.status === 'fulfilled') learn(told[index]!.bucket, told[index]!.points, result.value)
    report(results.find((result) => result.status === 'rejected')?.reason)
  }

  const learn = (bucket: Bucket, points: number, { consumed, msLeft }: Counted) => {
    bucket.confirmed += points
    bucket.others = Math.max(0, consumed - bucket.confirmed)
    const endsAt = now() + msLeft
    // The end of a shared window only moves back when Redis has begun another one, which is not this bucket's.
    bucket.endsAt = bucket.isShared ? Math.min(bucket.endsAt, endsAt) : endsAt
    bucket.isShared = true
  }

  const report = (failure: Error | undefined) => {
    if (failure && !isFailing) log.warn({ reason: failure.message }, 'Redis does not count: this replica limits alone')
    if (!failure && isFailing) log.info('Redis counts again: limits are shared')
    isFailing = failure !== undefined
  }

  return {
    /** What is unsettled in this bucket is told at the next round. */
    owe(bucket: Bucket) {
      owing.add(bucket)
      schedule()
    },
    forget: (bucket: Bucket) => owing.delete(bucket),
    async close() {
      isClosed = true
      clearTimeout(timer)
      const late = sleep(CLOSE_MS, undefined, { ref: false })
      await Promise.race([late, round?.then(settle) ?? settle()])
    },
  }
}

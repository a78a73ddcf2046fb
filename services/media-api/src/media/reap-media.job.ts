import { defineJob, type Job, type Schedule } from '@jan/service-kit/jobs'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { StoredObject } from '../storage/object-storage.ts'
import type { Stored } from './reaping.store.ts'

const Payload = z.object({})
/** Longer than any request and any URL that was signed for it; so long what came to a slot may wait for its first use. */
const DAY_MS = 24 * 3_600_000
const FOLDERS = ['media', 'images', 'text', 'incoming']
const BATCH = 500

/**
 * Removes for good: what has expired, what was deleted, slots that nobody completed or used, and bytes that no row names, as a
 * process leaves them that dies between the two.
 */
export const reapMedia: Job<typeof Payload, Deps> = defineJob({
  name: 'reap_media',
  payload: Payload,
  timeoutMs: 3_600_000,
  run: async (deps: Deps, _, { signal, log }) => {
    const now = deps.now()
    const expired = await deps.reaping.expire(now)
    let removed = 0
    // Its signed URLs have run out by then.
    const before = new Date(now.getTime() - deps.settings.presignSeconds * 1000)
    const dayAgo = new Date(now.getTime() - DAY_MS)
    for await (const stored of deps.reaping.gone({ deletedBefore: before, expiredBefore: dayAgo })) {
      signal.throwIfAborted()
      await removeStored(deps, stored)
      removed += 1
    }
    const orphans = await removeOrphans(deps, dayAgo, signal)
    log.info({ expired, removed, orphans }, 'media reaped')
  },
})

export const reapMediaHourly: Schedule = { job: reapMedia, cron: '23 * * * *' }

/** The bytes first, so that what fails half-way can be found again. */
export async function removeStored(
  { storage, reaping }: Pick<Deps, 'storage' | 'reaping'>,
  stored: Stored,
): Promise<void> {
  for (const key of stored.keys) await storage.delete(key)
  await reaping.remove(stored)
}

async function removeOrphans(
  deps: Pick<Deps, 'storage' | 'reaping'>,
  before: Date,
  signal: AbortSignal,
): Promise<number> {
  let removed = 0
  for (const folder of FOLDERS) {
    let batch: StoredObject[] = []
    const judge = async () => {
      signal.throwIfAborted()
      removed += await removeUnknown(deps, batch)
      batch = []
    }
    for await (const object of deps.storage.list(folder)) {
      if (object.modifiedAt >= before) continue
      batch.push(object)
      if (batch.length === BATCH) await judge()
    }
    await judge()
  }
  return removed
}

async function removeUnknown({ storage, reaping }: Pick<Deps, 'storage' | 'reaping'>, objects: StoredObject[]) {
  const known = await reaping.known(objects.map(({ key }) => key))
  const unknown = objects.filter(({ key }) => !known.has(key))
  for (const { key } of unknown) await storage.delete(key)
  return unknown.length
}

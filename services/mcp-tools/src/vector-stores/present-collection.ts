import { type Collection, expiryOf, type FileCounts, hasExpired } from '../documents/collection.ts'

export const seconds = (time: Date): number => Math.floor(time.getTime() / 1000)

/** OpenAI's vector store. All that is indexed is indexed at once: nothing is ever in progress. */
export function presentCollection(collection: Collection, counts: FileCounts | undefined, now: Date) {
  const { completed = 0, failed = 0, bytes = 0 } = counts ?? {}
  const expiry = expiryOf(collection)
  return {
    id: collection.id,
    object: 'vector_store' as const,
    created_at: seconds(collection.createdAt),
    name: collection.name,
    usage_bytes: bytes,
    file_counts: { in_progress: 0, completed, failed, cancelled: 0, total: completed + failed },
    status: hasExpired(collection, now) ? ('expired' as const) : ('completed' as const),
    expires_after:
      collection.expiresAfterDays === null
        ? null
        : { anchor: 'last_active_at' as const, days: collection.expiresAfterDays },
    expires_at: expiry ? seconds(expiry) : null,
    last_active_at: seconds(collection.lastActiveAt),
    metadata: collection.metadata,
  }
}

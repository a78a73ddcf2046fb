/** What OpenAI calls a vector store. Every document is in one. */
export type Collection = {
  id: string
  workspaceId: string
  name: string
  /** Where documents go that nobody named a collection for. */
  isDefault: boolean
  metadata: Record<string, string>
  /** It may be searched until so many days after its last use. */
  expiresAfterDays: number | null
  createdAt: Date
  lastActiveAt: Date
}

/** `bytes` of their texts, in UTF-8. */
export type FileCounts = { completed: number; failed: number; bytes: number }

const DAY_MS = 86_400_000

export const expiryOf = ({ expiresAfterDays, lastActiveAt }: Collection): Date | undefined =>
  expiresAfterDays === null ? undefined : new Date(lastActiveAt.getTime() + expiresAfterDays * DAY_MS)

export const hasExpired = (collection: Collection, now: Date): boolean => {
  const expiry = expiryOf(collection)
  return expiry !== undefined && expiry <= now
}

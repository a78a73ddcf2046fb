import { randomInt } from 'node:crypto'
import { monotonicFactory } from 'ulid'

/** Makes ids that rise within this process, also inside one millisecond. */
export function createMediaIds(now: () => Date): () => string {
  const next = monotonicFactory(() => randomInt(32) / 32)
  return () => `jan_${next(now().getTime()).toLowerCase()}`
}

import { createHash, getRandomValues } from 'node:crypto'
import { newId as newRandomId } from '@jan/service-kit/ids'
import type { Who } from '@jan/service-kit/who'
import { monotonicFactory, ulid } from 'ulid'

const random = () => getRandomValues(new Uint32Array(1))[0]! / 2 ** 32
/** Ids of one process grow, also within a millisecond. */
const nextUlid = monotonicFactory(random)

/**
 * The id of what a request stores: a lower-case ULID of the moment it came. Under an Idempotency-Key every try of the
 * request has the same one, so there its random half follows from the key's seed.
 */
export function mediaIdFor({ startedAt, newId }: Pick<Who, 'startedAt' | 'newId'>): string {
  if (newId === newRandomId) return `jan_${nextUlid(startedAt.getTime()).toLowerCase()}`
  const bytes = createHash('sha256').update(newId('jan')).digest().values()
  return `jan_${ulid(startedAt.getTime(), () => bytes.next().value! / 256).toLowerCase()}`
}

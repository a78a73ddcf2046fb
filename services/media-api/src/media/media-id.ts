import { createHash } from 'node:crypto'
import type { Who } from '@jan/service-kit/who'
import { ulid } from 'ulid'

/** The id of what a request stores: a lower-case ULID of the moment it came, and the same again in every try of one request. */
export function mediaIdFor({ startedAt, newId }: Pick<Who, 'startedAt' | 'newId'>): string {
  const bytes = createHash('sha256').update(newId('jan')).digest().values()
  return `jan_${ulid(startedAt.getTime(), () => bytes.next().value! / 256).toLowerCase()}`
}

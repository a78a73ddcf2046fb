import { AppError } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'

/** A person, or one for whom a run is at work, which reads and adds to their conversation. */
export const common = { auth: 'person', scope: 'chat', scopeVia: { 'response-api': ['responses'] } } as const

/** @throws AppError `forbidden` for everybody but our services, acting for somebody */
export function requireService({ caller }: Pick<Who, 'caller'>): void {
  if (caller.via === undefined) throw new AppError('forbidden', 'Only services may call this')
}

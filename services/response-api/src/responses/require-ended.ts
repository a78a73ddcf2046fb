import { AppError } from '@jan/service-kit/errors'
import type { ResponseRecord } from './present-response.ts'

/** @throws AppError `conflict` for a response whose run is under way */
export function requireEnded({ id, status }: ResponseRecord): void {
  if (status === 'in_progress')
    throw new AppError('conflict', `Response '${id}' is in progress`, { headers: { 'retry-after': '2' } })
}

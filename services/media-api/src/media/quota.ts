import { AppError } from '@jan/service-kit/errors'
import type { Deps } from '../deps.ts'

/** What a workspace holds, or may hold; in a quota 0 means no limit. */
export type Usage = { bytes: number; objects: number }
export type Quota = Usage

/** Refuses what would not fit, before it is stored; `charge` has the last word. */
export async function roomOf(
  { media, settings }: Pick<Deps, 'media' | 'settings'>,
  workspaceId: string,
): Promise<(bytes: number) => void> {
  const held = await media.usageOf(workspaceId)
  return (bytes) => requireWithin(held, bytes, settings.quota)
}

/** @param held before @throws AppError `payload_too_large` or `rate_limited` that says what is left */
export function requireWithin(held: Usage, bytes: number, quota: Quota): void {
  if (quota.objects > 0 && held.objects >= quota.objects)
    throw new AppError(
      'rate_limited',
      `Your workspace may hold ${quota.objects} objects, and none is left: delete some`,
      {
        wireCode: 'quota_exceeded',
      },
    )
  const left = Math.max(quota.bytes - held.bytes, 0)
  if (quota.bytes > 0 && bytes > left)
    throw new AppError('payload_too_large', `Your workspace may hold ${quota.bytes} bytes, and ${left} are left`, {
      wireCode: 'quota_exceeded',
    })
}

/** @param open uploads that are not complete, without the new one @throws AppError `rate_limited` that says what to do */
export function requireFewOpen(open: number, most: number): void {
  if (most === 0 || open < most) return
  throw new AppError(
    'rate_limited',
    `Your workspace has ${open} uploads that are not complete: complete them, or wait until they go by themselves after a day`,
    { wireCode: 'quota_exceeded' },
  )
}

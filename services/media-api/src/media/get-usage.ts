import type { Caller } from '@jan/service-kit/auth'
import type { Who } from '@jan/service-kit/who'
import { ownerFor } from '../access/reach.ts'
import type { Deps } from '../deps.ts'

/** What the caller's workspace holds. @param userId whose, when a service asks */
export async function getUsage(
  { media, settings }: Pick<Deps, 'media' | 'settings'>,
  { caller }: Who<Caller>,
  userId: string | undefined,
) {
  const { quota } = settings
  const held = await media.usageOf(ownerFor(caller, userId).workspaceId)
  return { ...held, max_bytes: quota.bytes || null, max_objects: quota.objects || null }
}

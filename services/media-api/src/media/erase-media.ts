import type { Deps } from '../deps.ts'
import { removeStored } from './reap-media.job.ts'

/** Deletes everything of a workspace. */
export async function eraseMedia(
  deps: Pick<Deps, 'reaping' | 'storage' | 'idempotency'>,
  workspaceId: string,
): Promise<void> {
  for await (const stored of deps.reaping.allOf(workspaceId)) await removeStored(deps, stored)
  await deps.reaping.forgetWorkspace(workspaceId)
  await deps.idempotency.forgetWorkspace(workspaceId)
}

import type { Deps } from '../deps.ts'

/** Deletes every media object of a workspace: the bytes first, so that what fails half-way can be found again. */
export async function eraseMedia(
  deps: Pick<Deps, 'media' | 'storage' | 'idempotency'>,
  workspaceId: string,
): Promise<void> {
  for await (const { id, storageKey } of deps.media.all(workspaceId)) {
    await deps.storage.delete(storageKey)
    await deps.media.delete(id)
  }
  await deps.idempotency.forgetWorkspace(workspaceId)
}

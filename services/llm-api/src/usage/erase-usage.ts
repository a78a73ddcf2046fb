import type { Deps } from '../deps.ts'

/**
 * Erases what names a person: rows of the ledger, budgets, limits and settings. The totals of each day stay for the
 * operator's own bill, added to those of nobody. Before the keys and projects of the workspace, by which it finds theirs.
 */
export async function eraseUsage(
  { meter, ledger, budgets, limits, payloads }: Pick<Deps, 'meter' | 'ledger' | 'budgets' | 'limits' | 'payloads'>,
  workspaceId: string,
): Promise<void> {
  await meter.flush()
  await ledger.erase(workspaceId)
  await budgets.store.deleteOfWorkspace(workspaceId)
  await limits.store.deleteOfWorkspace(workspaceId)
  await payloads.store.delete(workspaceId)
}

import type { Deps } from '../deps.ts'
import { fieldsTold } from './told-server.ts'

type Needs = Pick<Deps, 'serverStore' | 'logins' | 'knownServers'>

/** Deletes the servers that a workspace added, and its access to others. */
export async function eraseServers(deps: Needs, workspaceId: string): Promise<void> {
  for (const { id } of await deps.serverStore.owned(workspaceId)) await deps.serverStore.delete(id)
  await deps.logins.forgetWorkspace(workspaceId)
  deps.knownServers.forget()
}

/** All of a workspace's servers and logins, without secrets. */
export const tellServers = (deps: Needs, workspaceId: string) => ({
  mcp_servers: tellRows(async () => (await deps.serverStore.owned(workspaceId)).map(fieldsTold)),
  mcp_logins: tellRows(async () =>
    (await deps.logins.ofWorkspace(workspaceId)).map(({ serverId, issuer, updatedAt }) => ({
      server_id: serverId,
      issuer,
      updated_at: updatedAt.toISOString(),
    })),
  ),
})

async function* tellRows(read: () => Promise<unknown[]>): AsyncGenerator<unknown> {
  yield* await read()
}

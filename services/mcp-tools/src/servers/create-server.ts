import { AppError } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { z } from 'zod'
import type { Deps } from '../deps.ts'
import { requireAddress } from './require-address.ts'
import { isAdmin, requireKnownPerson } from './require-server.ts'
import { skeletonOf } from './server-names.ts'
import { sealSecrets, specOfRow } from './server-secrets.ts'
import type { ServerSpec } from './server-spec.ts'
import type { CreateServer } from './servers.schema.ts'
import type { NewServer, ServerRow } from './servers.store.ts'

type Needs = Pick<Deps, 'serverStore' | 'serverFile' | 'serverHttp' | 'knownServers' | 'cipher'>

const MOST_SERVERS = 50

/** Adds a server, for the caller or, by an admin, for everyone. It is greeted when its tools are first wanted. @throws AppError `invalid_request`, `forbidden`, `conflict` */
export async function createServer(deps: Needs, who: Who, input: z.output<typeof CreateServer>): Promise<ServerSpec> {
  const { caller } = who
  requireKnownPerson(caller)
  if (input.shared && !isAdmin(caller)) throw new AppError('forbidden', 'Only an admin may add a server for everyone')
  const id = who.newId('mcps', 16)
  const workspaceId = input.shared ? null : caller.workspaceId
  const url = requireAddress(deps, input.url)
  const oauth = input.oauth && clientOf(input.oauth)
  const row: NewServer = {
    id,
    workspaceId,
    name: input.name,
    description: input.description,
    type: input.type,
    url,
    auth: input.auth,
    secrets: sealSecrets(deps.cipher, id, { headers: input.headers, oauth }),
    headerNames: Object.keys(input.headers),
    enabled: input.enabled,
    timeoutMs: Math.round(input.timeout * 1000),
    createdBy: caller.subject,
  }
  const made = await deps.serverStore.create(row, (rows) => requireUnlike(deps, rows, row))
  // Of its own id: a request that crashed after it is being repeated.
  const kept = made ?? (await deps.serverStore.get(caller.workspaceId, id))
  if (!kept) throw taken(input.name)
  deps.knownServers.forget()
  return specOfRow(deps.cipher, kept)
}

export const clientOf = ({
  client_id,
  client_secret,
  issuer,
  scope,
}: NonNullable<z.output<typeof CreateServer>['oauth']>) => ({
  clientId: client_id,
  ...(client_secret ? { clientSecret: client_secret } : {}),
  ...(issuer ? { issuer } : {}),
  ...(scope ? { scope } : {}),
})

export const taken = (name: string) =>
  new AppError('conflict', `There is a server already that is called '${name}', or looks so`, { param: 'name' })

/** @throws AppError `conflict` when one of `rows`, which the same people see, looks like it, or there are too many */
export function requireUnlike(
  { serverFile }: Pick<Deps, 'serverFile'>,
  rows: ServerRow[],
  { id, name, workspaceId }: Pick<ServerRow, 'id' | 'name' | 'workspaceId'>,
): void {
  const others = [...serverFile.servers(), ...rows].filter((server) => server.id !== id)
  if (others.some((server) => skeletonOf(server.name) === skeletonOf(name))) throw taken(name)
  if (rows.filter((row) => row.workspaceId === workspaceId && row.id !== id).length >= MOST_SERVERS)
    throw new AppError('conflict', `There are ${MOST_SERVERS} servers already`)
}

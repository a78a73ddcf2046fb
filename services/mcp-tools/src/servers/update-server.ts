import { notFound } from '@jan/service-kit/errors'
import type { Who } from '@jan/service-kit/who'
import type { z } from 'zod'
import type { Deps } from '../deps.ts'
import { clientOf, requireUnlike, taken } from './create-server.ts'
import { requireAddress } from './require-address.ts'
import { requireOwnServer } from './require-server.ts'
import { type ServerSecrets, sealSecrets, specOfRow } from './server-secrets.ts'
import { openRecord, type Reach, type ServerSpec } from './server-spec.ts'
import type { UpdateServer } from './servers.schema.ts'

type Needs = Pick<Deps, 'serverStore' | 'serverFile' | 'serverHttp' | 'knownServers' | 'toolPins' | 'logins' | 'cipher'>

/** Changes what is named. Another server is not told the secrets of the one before it. @throws AppError `invalid_request`, `not_found`, `forbidden`, `conflict` */
export async function updateServer(
  deps: Needs,
  { caller }: Pick<Who, 'caller'>,
  { id, ...input }: { id: string } & z.output<typeof UpdateServer>,
): Promise<ServerSpec> {
  const before = await requireOwnServer(deps, caller, id)
  const reach = before.reach as Extract<Reach, { url: string }>
  const url = input.url === undefined ? reach.url : requireAddress(deps, input.url)
  const isElsewhere = new URL(url).origin !== new URL(reach.url).origin
  if (input.name !== undefined) {
    const workspaceId = before.workspaceId ?? null
    requireUnlike(deps, await deps.serverStore.visible(before.workspaceId), { id, name: input.name, workspaceId })
  }
  const secrets: ServerSecrets = {
    headers: input.headers ?? (isElsewhere ? {} : openRecord(reach.headers)),
    oauth:
      input.oauth === undefined
        ? isElsewhere
          ? undefined
          : before.oauth
        : input.oauth === null
          ? undefined
          : clientOf(input.oauth),
  }
  if (isElsewhere) await forgetServer(deps, id)
  const row = await deps.serverStore.update(id, {
    ...given({
      name: input.name,
      description: input.description,
      type: input.type,
      auth: input.auth,
      enabled: input.enabled,
    }),
    ...(input.timeout === undefined ? {} : { timeoutMs: Math.round(input.timeout * 1000) }),
    url,
    secrets: sealSecrets(deps.cipher, id, secrets),
    headerNames: Object.keys(secrets.headers),
  })
  if (row === undefined) throw notFound('MCP server', id)
  if (row === 'taken') throw taken(input.name!)
  deps.knownServers.forget()
  return specOfRow(deps.cipher, row)
}

/** What was known of the server that stood at the address before. */
const forgetServer = (deps: Pick<Deps, 'toolPins' | 'logins'>, id: string) =>
  Promise.all([deps.toolPins.forget(id), deps.logins.forget(id), deps.logins.forgetClient(id)])

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> }
const given = <T extends object>(fields: T): Given<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>

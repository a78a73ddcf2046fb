import type { Secret } from '@jan/service-kit/config'
import { connectProvider, refusedWith } from './provider-http.ts'
import { createSessionsClient, type SessionsClient } from './sessions.client.ts'
import { createUsersClient, type UsersClient } from './users.client.ts'

export type IdentityOptions = {
  baseUrl: string
  realm: string
  backendClientId: string
  backendClientSecret: Secret
  targetClientId: string
  now: () => Date
}

/** The identity provider: Keycloak, or anything that answers at its paths. @throws AppError `unavailable` when away, `upstream_failed` when it refuses us */
export type IdentityClient = {
  users: UsersClient
  sessions: SessionsClient
  check(): Promise<void>
  close(): Promise<void>
}

export function createIdentityClient(options: IdentityOptions): IdentityClient {
  const http = connectProvider(options.baseUrl)
  const realm = encodeURIComponent(options.realm)
  const realmPath = `/realms/${realm}`
  return {
    users: createUsersClient(http, {
      realmPath,
      adminPath: `/admin/realms/${realm}`,
      clientId: options.backendClientId,
      clientSecret: options.backendClientSecret,
      now: options.now,
    }),
    sessions: createSessionsClient(http, { realmPath, clientId: options.targetClientId }),
    check: async () => {
      const answer = await http.send({ method: 'GET', path: `${realmPath}/.well-known/openid-configuration` })
      if (answer.status !== 200) throw refusedWith(answer)
    },
    close: http.close,
  }
}

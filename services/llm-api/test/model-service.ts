import { freePort } from '@jan/testkit/free-port'
import { createTokenIssuer } from '@jan/testkit/tokens'
import { type Booted, bootLlmApi, type JsonAnswer, type Replica, startReplica } from './boot.ts'
import { type ListingProvider, startListingProvider } from './listing-provider.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are judged by their shape
export type Json = any
export type Reply = Omit<JsonAnswer, 'json'> & { json: Json }

/** This service with an operator's provider, further providers on addresses that the operator allows, and an admin. */
export async function startModelService({ others = 3, env = {} as Record<string, string> } = {}) {
  const issuer = await createTokenIssuer()
  const [operators, ...added] = (await Promise.all(
    Array.from({ length: others + 1 }, (_, index) =>
      startListingProvider(index === 0 ? 'house-model' : `model-${index}`),
    ),
  )) as [ListingProvider, ...ListingProvider[]]
  const nowhere = `127.0.0.1:${await freePort()}`
  const settings = {
    JAN_MODEL_BASE_URL: operators.url,
    OUTBOUND_ALLOW: [...added.map(({ host }) => host), nowhere].join(','),
    REQUESTS_PER_MINUTE: '0',
    ...env,
  }
  const service: Booted = await bootLlmApi(settings, issuer)
  const admin = await issuer.bearer('root', { realm_access: { roles: ['user', 'admin'] } })
  const ann = await issuer.bearer('ann')
  const replicas: Replica[] = []

  const callerOf =
    (url: string, headers: Record<string, string>) =>
    async (method: string, path: string, json?: unknown, more: Record<string, string> = {}): Promise<Reply> => {
      const answer = await fetch(`${url}${path}`, {
        method,
        headers: { ...(json === undefined ? {} : { 'content-type': 'application/json' }), ...headers, ...more },
        body: json === undefined ? null : JSON.stringify(json),
      })
      const text = await answer.text()
      return { status: answer.status, headers: answer.headers, json: text === '' ? undefined : JSON.parse(text) }
    }
  const asAdmin = callerOf(service.url, admin)
  const asAnn = callerOf(service.url, ann)

  return {
    service,
    operators,
    added,
    /** Nothing listens there, and the operator allows it. */
    nowhere: `http://${nowhere}/v1`,
    asAdmin,
    asAnn,
    /** Another replica on the same database, and how to ask it. */
    replica: async (more: Record<string, string> = {}) => {
      const replica = await startReplica(service.database, issuer, { ...settings, ...more })
      replicas.push(replica)
      return { asAdmin: callerOf(replica.url, admin), asAnn: callerOf(replica.url, ann) }
    },
    add: (provider: ListingProvider, more: object = {}) =>
      asAdmin('POST', '/v1/admin/providers', { name: 'added', vendor: 'custom', base_url: provider.url, ...more }),
    /** Ids of what is listed to everybody. */
    ids: async (): Promise<string[]> => (await asAnn('GET', '/v1/models')).json.data.map(({ id }: Json) => id),
    close: async () => {
      for (const replica of replicas) await replica.stop()
      await service.close()
      for (const provider of [operators, ...added]) await provider.close()
    },
  }
}
export type ModelService = Awaited<ReturnType<typeof startModelService>>
